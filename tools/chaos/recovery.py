"""How long it takes to recover from a fault."""

import time
from dataclasses import dataclass, field

import psycopg2
from machine import Machine

RUNNING = "SELECT job, row_id, runs FROM outbox WHERE state = 'running'"
DUE = f"{RUNNING} OR state IN ('pending', 'dispatched') AND due_at <= now()"
UNFINISHED = "SELECT job, row_id, runs FROM outbox WHERE state IN ('pending', 'dispatched', 'running')"
Rows = dict[tuple[str, str], int]  # (job, row id): runs begun


@dataclass
class Recovery:
    """One fault, and how many seconds after its end the rows it met had recovered: had run again, or were finished.

    `running`: the rows that ran when it began; `due`: all rows that were due or ran when it was over.
    """

    name: str
    began: float
    detail: str = ""
    ended: float | None = None
    running: Rows = field(default_factory=dict)
    due: Rows | None = None
    running_seconds: float | None = None
    due_seconds: float | None = None
    ready_seconds: float | None = None  # until /readyz answered 200

    def begin(self, machine: Machine) -> None:
        """Before the fault."""
        self.running = _rows(machine, RUNNING) or {}

    def look(self, machine: Machine) -> None:
        """Call often once it is over."""
        assert self.ended is not None
        if self.due is None:
            self.due = _rows(machine, DUE)
        unfinished, seconds = _rows(machine, UNFINISHED), time.monotonic() - self.ended
        if unfinished is not None and self.running_seconds is None and _recovered(self.running, unfinished):
            self.running_seconds = seconds
        if unfinished is not None and self.due_seconds is None and _recovered(self.due or {}, unfinished):
            self.due_seconds = seconds
        if self.ready_seconds is None and machine.ready():
            self.ready_seconds = seconds

    @property
    def recovered(self) -> bool:
        return None not in (self.running_seconds, self.due_seconds, self.ready_seconds)


def _recovered(rows: Rows, unfinished: Rows) -> bool:
    return not any(unfinished.get(row) == runs for row, runs in rows.items())


def _rows(machine: Machine, query: str) -> Rows | None:
    """None while Postgres is away."""
    try:
        return {(job, row_id): runs for job, row_id, runs in machine.sql(query)}
    except psycopg2.Error:
        return None
