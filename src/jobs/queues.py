"""The five queues."""

from dataclasses import dataclass


@dataclass(frozen=True)
class QueueSpec:
    """One queue: its workers on a machine, how many ended jobs stay to be looked at, its jobs' time limit."""

    name: str
    workers: int
    keep_finished: int
    keep_failed: int
    time_limit_seconds: int


QUEUES = {
    spec.name: spec
    for spec in (
        QueueSpec("ingestion", 3, 100, 500, 1800),
        QueueSpec("webhook-retry", 5, 50, 200, 60),
        QueueSpec("analytics-rollup", 1, 7, 30, 1800),
        QueueSpec("billing", 1, 12, 100, 3600),
        QueueSpec("email", 10, 100, 500, 60),
    )
}
