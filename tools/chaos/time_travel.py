"""Time travel: a run of minutes shows what takes hours, days and months.

The program is unchanged, its deadlines too; only the moments in its database are moved.
"""

from contextlib import suppress
from datetime import UTC, datetime

import psycopg2
from machine import Machine

from runner.registry import SCHEDULE

MAX_WAIT_SECONDS = 8  # between two runs of a row; the waits that vendors ask for are shorter here and are not touched
LEASE_LEFT_SECONDS = 10  # a living worker has renewed its lease long before so little of it is left, outages included
END_WAITS = """
    UPDATE outbox SET due_at = now()
    WHERE state = 'pending' AND failures > 0 AND due_at > now() AND updated_at < now() - %s * interval '1 second'
"""
EXPIRE_LEASES = "UPDATE outbox SET lease_until = now() WHERE lease_until < now() + %s * interval '1 second'"
# As if the program had been off since: five days' roll-ups and two months' grants are due.
LONG_SLEEP = """
    DELETE FROM slots;
    INSERT INTO slots (entry, at) VALUES ('daily-rollup', date_trunc('day', now()) - interval '5 days'),
                                         ('monthly-credit-grant', date_trunc('month', now()) - interval '40 days');
    UPDATE workspaces SET created_at = now() - interval '100 days'
"""
DELETE_NEWEST_SLOTS = """
    DELETE FROM slots USING (SELECT entry, max(at) AS newest FROM slots GROUP BY entry HAVING count(*) > 1) AS last
    WHERE slots.entry = last.entry AND at = newest
"""


def end_waits(machine: Machine, leases: bool) -> None:
    """A row that has waited long enough is due; with `leases`, a lease that was not renewed for 20 s has expired."""
    with suppress(psycopg2.Error):
        machine.sql(END_WAITS, MAX_WAIT_SECONDS)
        if leases:
            machine.sql(EXPIRE_LEASES, LEASE_LEFT_SECONDS)


def sleep_long(machine: Machine) -> None:
    machine.sql(LONG_SLEEP)


def repeat_slots(machine: Machine) -> None:
    """The last day and the last month end once more, unless a scheduler is still writing those that have come: it has read
    which slots there are. Not this time where Postgres is away."""
    with suppress(psycopg2.Error):
        if not slots_missing(machine):
            machine.sql(DELETE_NEWEST_SLOTS)


def slots_missing(machine: Machine) -> bool:
    """Whether a slot has come that is not written yet."""
    newest = machine.sql("SELECT entry, max(at) FROM slots GROUP BY entry")
    return any(SCHEDULE[entry].next(at) <= datetime.now(UTC) for entry, at in newest)
