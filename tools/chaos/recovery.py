"""How long it takes until a fault is made good."""

import time
from dataclasses import dataclass, field

import psycopg2
from machine import Machine

OWED = """
    SELECT job, row_id, runs FROM work
    WHERE state = 'pending' AND due_at < 'infinity' AND (lease_owner IS NOT NULL OR due_at <= now())
"""
IN_HAND = "SELECT job, row_id, runs FROM work WHERE lease_owner IS NOT NULL"
STILL = "SELECT job, row_id, runs FROM work WHERE state = 'pending' AND due_at < 'infinity'"
Rows = dict[tuple[str, str], int]  # (job, row id): runs begun


@dataclass
class Recovery:
    """One fault, and how many seconds after its end what it met was made good.

    `in_hand`: the rows that were worked on when it began; `owed`: all that was due when it was over, whatever the reason.
    A row is made good when it has been run again or has ended.
    """

    name: str
    began: float
    detail: str = ""
    ended: float | None = None
    in_hand: Rows = field(default_factory=dict)
    owed: Rows | None = None
    in_hand_seconds: float | None = None
    owed_seconds: float | None = None
    ready_seconds: float | None = None  # until /readyz said 200

    def begin(self, machine: Machine) -> None:
        """Before the fault."""
        self.in_hand = _rows(machine, IN_HAND) or {}

    def look(self, machine: Machine) -> None:
        """Call often once it is over."""
        assert self.ended is not None
        if self.owed is None:
            self.owed = _rows(machine, OWED)
        still, seconds = _rows(machine, STILL), time.monotonic() - self.ended
        if still is not None and self.in_hand_seconds is None and _made_good(self.in_hand, still):
            self.in_hand_seconds = seconds
        if still is not None and self.owed_seconds is None and _made_good(self.owed or {}, still):
            self.owed_seconds = seconds
        if self.ready_seconds is None and machine.ready():
            self.ready_seconds = seconds

    @property
    def recovered(self) -> bool:
        return None not in (self.in_hand_seconds, self.owed_seconds, self.ready_seconds)


def _made_good(rows: Rows, still: Rows) -> bool:
    return not any(still.get(row) == runs for row, runs in rows.items())


def _rows(machine: Machine, query: str) -> Rows | None:
    """None while Postgres is away."""
    try:
        return {(job, row_id): runs for job, row_id, runs in machine.sql(query)}
    except psycopg2.Error:
        return None
