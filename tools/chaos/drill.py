"""One run: the load, the faults of the plan one after the other, then quiet."""

import random
import time
from contextlib import suppress

import psycopg2
import ticks
from faults import FAULTS, plan
from load import Load
from machine import Machine
from moods import unhurried
from recovery import Recovery
from redis.exceptions import RedisError
from stage import Fault, Stage
from travel import travel
from vendors import Vendors

from jobs.queues import QUEUES

FULL_SECONDS = 300  # a shorter run has shorter faults, and travels in time past the leases too
PATIENCE_SECONDS = 15.0  # of a full run: the next fault does not wait longer for the last one's recovery
QUIET_SECONDS = 300.0  # bounds a hang: it is no measure of speed
LOOK_SECONDS = 0.25
TICK_SECONDS = 20.0  # of a full run: so often a day and a month come to their end
QUIET = "SELECT count(*) FROM work WHERE state = 'pending' OR lease_owner IS NOT NULL"


class Drill:
    """`run` the plan of `seed` for so many seconds; `rows` are its faults."""

    def __init__(self, machine: Machine, vendors: Vendors, load: Load, seed: int, seconds: float) -> None:
        self.machine, self.vendors, self.load = machine, vendors, load
        self.seconds, self.scale = seconds, min(1.0, seconds / FULL_SECONDS)
        self._plan = plan(random.Random(f"{seed} plan"))
        self._stage = Stage(machine, vendors, random.Random(f"{seed} faults"), self.scale)
        self.rows: list[Recovery] = []
        self._fault: Fault | None = None
        self._next_at = self._look_at = self._tick_at = 0.0

    def run(self) -> None:
        begun = time.monotonic()
        self.vendors.mood = unhurried(self._stage.rng)
        self.load.start()
        self._next_at = begun + 2
        while time.monotonic() < begun + self.seconds or self._fault:
            self._turn(time.monotonic() < begun + self.seconds)
        self.vendors.mood = unhurried(self._stage.rng)
        self.machine.held.clear()
        self.load.finish()

    def settle(self) -> bool:
        """Whether all became quiet: no customer waits, nothing is owed, leased, or in RQ's list of running jobs."""
        end = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < end:
            self._turn(False)
            if not self.load.alive() and self._quiet() and all(row.recovered for row in self.rows):
                return True
        return False

    def _turn(self, more: bool) -> None:
        self.machine.tick()
        now = time.monotonic()
        if self._fault and now >= self._next_at:
            self._go_on(now)
        elif not self._fault and more and now >= self._next_at and self._patient(now):
            self._begin(next(self._plan), now)
        if now >= self._tick_at:
            self._tick_at = now + TICK_SECONDS * self.scale
            (ticks.owe_again if more else ticks.look_again)(self.machine)
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            travel(self.machine, leases=self.scale < 1)
            for row in self.rows:
                if row.ended is not None and not row.recovered:
                    row.look(self.machine)

    def _patient(self, now: float) -> bool:
        last = self.rows[-1] if self.rows else None
        return last is None or last.recovered or now - (last.ended or now) > PATIENCE_SECONDS * self.scale**2

    def _begin(self, name: str, now: float) -> None:
        row = Recovery(name, now)
        row.begin(self.machine)
        self.rows.append(row)
        self._fault = FAULTS[name](self._stage)

    def _go_on(self, now: float) -> None:
        assert self._fault
        try:
            self._next_at = now + next(self._fault)
        except StopIteration as said:
            self.rows[-1].detail, self.rows[-1].ended = said.value, time.monotonic()
            self._fault, self._next_at = None, now + self._stage.rng.uniform(1, 4) * max(self.scale, 0.25)

    def _quiet(self) -> bool:
        with suppress(psycopg2.Error, RedisError):
            owed = self.machine.sql(QUIET)[0][0]
            running = sum(self.machine.redis.zcard(f"rq:wip:{queue}") for queue in QUEUES)
            return not owed and not running and not ticks.owed(self.machine)
        return False
