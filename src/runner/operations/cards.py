"""What the operator's figures are: of all that was accepted, and of each queue."""

from dataclasses import dataclass, field
from datetime import datetime

from nightshift.db.models import Pause

Took = tuple[float, float]  # from due to done, in seconds: median, 95th percentile


@dataclass
class Counts:
    """Rows: all that was accepted and is kept; done; owed, in whatever state; FAILED. accepted = done + owed + failed."""

    accepted: int = 0
    done: int = 0
    owed: int = 0
    failed: int = 0


@dataclass
class Part:
    """What ended in a part of the time, from `at` (UTC) on. `took`: None where nothing is done, or it is not asked for."""

    at: datetime
    done: int = 0
    failed: int = 0
    took: Took | None = None

    @property
    def ended(self) -> int:
        return self.done + self.failed


@dataclass
class Card:
    """A queue. `waiting`: rows that are due; `held`: due, but paused; `later`: due later; `blocked`: behind another row of their
    lane. `workers`: live ones, None while Redis is away. `hours`: the oldest first, the last one is not over. Seconds:
    from due to done, of the last ones."""

    name: str
    at: datetime
    workers: int | None
    paused: Pause | None
    hours: list[Part]
    waiting: int = 0
    held: int = 0
    later: int = 0
    blocked: int = 0
    running: int = 0
    oldest_due_at: datetime | None = None
    done_last_hour: int = 0
    failed_last_hour: int = 0
    median_seconds: float | None = None
    p95_seconds: float | None = None
    counts: Counts = field(default_factory=Counts)

    @property
    def state(self) -> str:
        """One word on what keeps it from working."""
        return "paused" if self.paused else "working" if self.workers else "no workers"

    @property
    def failed(self) -> int:
        return self.counts.failed

    @property
    def oldest_wait_seconds(self) -> float | None:
        return (self.at - self.oldest_due_at).total_seconds() if self.oldest_due_at else None

    @property
    def depth(self) -> int:
        """The rows that wait, but not for a time of their own."""
        return self.waiting + self.held + self.blocked


@dataclass(frozen=True)
class Figures:
    """`at`: when they were read, by Postgres' clock."""

    at: datetime
    cards: list[Card]
    counts: Counts
