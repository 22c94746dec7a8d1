"""Mail to a workspace's contact: written with its cause, sent by a job."""

from nightshift.mail.mailbox import JOB, enqueue

__all__ = ["JOB", "enqueue"]
