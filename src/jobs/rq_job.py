"""RQ's Job and Queue, less what would let a writer to Redis run code or make calls from here."""

import inspect
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import registry
from jobs.account import KEPT_SECONDS
from jobs.connection import redis
from jobs.spec import JobSpec
from nightshift.errors import PermanentError


class RefusedJob(PermanentError):
    """A job that names something other than a registered function, or one with arguments it does not take."""


MOST_DATA_BYTES = 4 << 20  # unpacked: a message of 100,000 characters, each escaped, is 1.2 MB

# All that is read of a job's hash. Its name, time limit, retries and retention are the registered job's own.
READ = (b"status", b"created_at", b"enqueued_at", b"meta", b"retries_left")


class SafeJob(Job):
    """Runs registered functions only, no callback and no webhook, whatever its hash in Redis says.

    `outcome`: what the attempt made of it (see jobs.attempt), None before.
    """

    outcome: str | None = None
    handed_back = False  # its row will be rung again under a new id: leave nothing of this job
    workspace_id: str | None = None
    attempt = 0
    meta: Any
    retries_left: int | None

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Never fails for what a hash holds: of one that cannot be read a job is left that names nothing."""
        if b"data" not in raw_data:
            raise NoSuchJobError
        try:
            super().restore({b"data": b""} | {name: raw_data[name] for name in READ if name in raw_data})
            self.data = _unpacked(raw_data[b"data"])
        except Exception:
            super().restore({b"data": b""})
        self.meta = self.meta if isinstance(self.meta, dict) else {}
        self.result_ttl = self.failure_ttl = KEPT_SECONDS
        entry = self.entry
        self.description = entry.name if entry else "unknown"
        self.timeout = entry.queue.time_limit_seconds if entry else None
        self.retry_intervals = list(entry.retry.intervals) if entry else None
        self.retries_left = min(max(self.retries_left or 0, 0), entry.retry.max) if entry else 0

    @property
    def entry(self) -> JobSpec | None:
        """The registered job that this one names and whose function takes its arguments: a row's id, and texts for show."""
        try:
            entry = registry.BY_PATH[self.func_name]
            _signature(entry.function).bind(*self.args, **self.kwargs)
            fits = self.instance is None and all(isinstance(arg, str) and arg.isprintable() for arg in self.args)
        except Exception:
            return None
        return entry if fits else None

    @property
    def func(self) -> Callable[..., Any]:
        entry = self.entry
        if entry is None:
            self.outcome = "refused"
            self.retries_left = 0
            raise RefusedJob("This job does not name a registered function with arguments that fit it.")
        return entry.function

    success_callback = property(lambda self: None)
    failure_callback = property(lambda self: None)
    stopped_callback = property(lambda self: None)

    def send_webhooks(self, *args: Any, **kwargs: Any) -> None:
        """Never: a job's hash must not choose where this machine connects to."""


def _unpacked(data: bytes) -> bytes:
    """Raises ValueError where they are cut, or larger than any job's: RQ would unpack a gigabyte out of one MB."""
    unpacker = zlib.decompressobj()
    unpacked = unpacker.decompress(data, MOST_DATA_BYTES)
    if not unpacker.eof:
        raise ValueError("data that no job has")
    return unpacked


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


@cache
def queue(name: str) -> Queue:
    """The queue of that name on this process's connection, JSON all the way."""
    return Queue(name, connection=redis(), job_class=SafeJob, serializer=JSONSerializer)
