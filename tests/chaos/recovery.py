"""How long it takes until a fault is made good."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psycopg2
from machine import Machine

OWED = """
    SELECT job, row_id, runs FROM work
    WHERE state = 'pending' AND due_at < 'infinity' AND (lease_owner IS NOT NULL OR due_at <= now())
"""
STILL = "SELECT job, row_id, runs FROM work WHERE state = 'pending' AND due_at < 'infinity'"
Rows = dict[tuple[str, str], int]  # (job, row id): runs begun


@dataclass
class Recovery:
    """One fault: when it was over, what was owed then, and how many seconds later each of these rows had been run again
    or had ended (`work_seconds`) and /readyz said 200 (`ready_seconds`)."""

    name: str
    began: float
    detail: str = ""
    ended: float | None = None
    owed: Rows = field(default_factory=dict)
    work_seconds: float | None = None
    ready_seconds: float | None = None
    _seen: bool = False

    def begin(self, machine: Machine) -> None:
        """Before the fault: what is being worked on."""
        self.owed = _rows(machine, OWED) or {}

    def look(self, machine: Machine) -> None:
        """Call often once it is over."""
        assert self.ended is not None
        if not self._seen and (owed := _rows(machine, OWED)) is not None:
            self.owed, self._seen = self.owed | owed, True
        if self._seen and self.work_seconds is None:
            still = _rows(machine, STILL)
            if still is not None and not any(still.get(row) == runs for row, runs in self.owed.items()):
                self.work_seconds = time.monotonic() - self.ended
        if self.ready_seconds is None and machine.ready():
            self.ready_seconds = time.monotonic() - self.ended

    @property
    def recovered(self) -> bool:
        return self.work_seconds is not None and self.ready_seconds is not None


def _rows(machine: Machine, query: str) -> Rows | None:
    """None while Postgres is away."""
    try:
        return {(job, row_id): runs for job, row_id, runs in machine.sql(query)}
    except psycopg2.Error:
        return None
