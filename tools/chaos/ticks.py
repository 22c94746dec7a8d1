"""What time starts, within minutes: the newest slots are taken back, so that the next tick finds them owed again."""

from contextlib import suppress
from datetime import UTC, datetime

import psycopg2
from machine import Machine
from redis.exceptions import RedisError

from jobs.schedule import SCHEDULE

TIMES = "rq:scheduler:scheduled_jobs"  # rq-scheduler's: when to look at an entry next
# As if the program had been off since: five days' roll-ups and two months' grants are owed.
SINCE = """
    DELETE FROM slots;
    INSERT INTO slots (entry, at) VALUES ('daily-rollup', date_trunc('day', now()) - interval '5 days'),
                                         ('monthly-credit-grant', date_trunc('month', now()) - interval '40 days');
    UPDATE workspaces SET created_at = now() - interval '100 days'
"""
TAKE_BACK = """
    DELETE FROM slots USING (SELECT entry, max(at) AS newest FROM slots GROUP BY entry HAVING count(*) > 1) AS last
    WHERE slots.entry = last.entry AND at = newest
"""


def long_ago(machine: Machine) -> None:
    """The program wakes up after a long sleep."""
    machine.sql(SINCE)
    _look_now(machine)


def owe_again(machine: Machine) -> None:
    """The last day and the last month are owed once more. Not while they are owed already: a tick that is writing them
    down has read which slots there are. While Postgres or Redis is away: not this time."""
    with suppress(psycopg2.Error, RedisError):
        if not owed(machine):
            machine.sql(TAKE_BACK)
    look_again(machine)


def look_again(machine: Machine) -> None:
    """Whatever came between a slot that was taken back and the word to look for it."""
    with suppress(RedisError):
        _look_now(machine)


def owed(machine: Machine) -> bool:
    """Whether a slot has come that is not written down yet."""
    newest = machine.sql("SELECT entry, max(at) FROM slots GROUP BY entry")
    return any(SCHEDULE[entry].next(at) <= datetime.now(UTC) for entry, at in newest)


def _look_now(machine: Machine) -> None:
    for entry in machine.redis.zrange(TIMES, 0, -1):
        machine.redis.zadd(TIMES, {entry: 0}, xx=True)
