"""RQ's Job and Queue, less what would let a writer to Redis run code or make calls from here."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import registry
from jobs.connection import redis
from nightshift.errors import PermanentError


class RefusedJob(PermanentError):
    """A job that names something other than a registered function."""


class SafeJob(Job):
    """Runs registered functions only, no callback and no webhook, whatever its hash in Redis says.

    `outcome`: what the attempt made of it (see jobs.attempt), None before.
    """

    outcome: str | None = None
    handed_back = False  # its row will be rung again under a new id: leave nothing of this job
    workspace_id: str | None = None
    attempt = 0

    @property
    def func(self) -> Callable[..., Any]:
        entry = registry.BY_PATH.get(str(self.func_name))
        if entry is None or self.instance is not None:
            self.outcome = "refused"
            self.retries_left = 0
            raise RefusedJob("This job does not name a registered function.")
        return entry.function

    success_callback = property(lambda self: None)
    failure_callback = property(lambda self: None)
    stopped_callback = property(lambda self: None)

    def send_webhooks(self, *args: Any, **kwargs: Any) -> None:
        """Never: a job's hash must not choose where this machine connects to."""


@cache
def queue(name: str) -> Queue:
    """The queue of that name on this process's connection, JSON all the way."""
    return Queue(name, connection=redis(), job_class=SafeJob, serializer=JSONSerializer)
