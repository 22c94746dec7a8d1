"""Mail to a workspace's contact: written with its cause, sent by a job."""

from nightshift.mail.outbox import JOB, owe

__all__ = ["JOB", "owe"]
