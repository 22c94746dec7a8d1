"""One run: the load, the faults of the plan one after the other, then the wait until all is finished."""

import random
import time
from contextlib import suppress

import psycopg2
import time_travel
from faulting import Fault, Target
from load import Load
from machine import Machine
from plan import FAULTS, plan
from recovery import Recovery
from redis.exceptions import RedisError
from troubles import none
from vendors import Vendors

from runner.registry import QUEUES

FULL_SECONDS = 300  # a shorter run has shorter faults, and travels in time past the leases too
MAX_RECOVERY_SECONDS = 15.0  # of a full run: the next fault does not wait longer for the last one's recovery
MAX_QUIET_SECONDS = 300.0  # bounds a hang: it is not a measure of speed
LOOK_SECONDS = 0.25
SLOT_SECONDS = 20.0  # of a full run: so often a day and a month end
UNFINISHED = "SELECT count(*) FROM outbox WHERE state NOT IN ('done', 'failed')"


class Drill:
    """`run` the plan of `seed` for so many seconds; `recoveries` are its faults."""

    def __init__(self, machine: Machine, vendors: Vendors, load: Load, seed: int, seconds: float) -> None:
        self.machine, self.vendors, self.load = machine, vendors, load
        self.seconds, self.scale = seconds, min(1.0, seconds / FULL_SECONDS)
        self._plan = plan(random.Random(f"{seed} plan"))
        self._target = Target(machine, vendors, random.Random(f"{seed} faults"), self.scale)
        self.recoveries: list[Recovery] = []
        self._fault: Fault | None = None
        self._next_at = self._look_at = self._slots_at = 0.0

    def run(self) -> None:
        end = time.monotonic() + self.seconds
        self.vendors.mood = none(self._target.rng)
        self.load.start()
        self._next_at = time.monotonic() + 2
        while time.monotonic() < end or self._fault:
            self._turn(more_faults=time.monotonic() < end)
        self.vendors.mood = none(self._target.rng)
        self.machine.held.clear()
        self.load.finish()

    def settle(self) -> bool:
        """Whether all became quiet: no request is open, no row is unfinished, no job runs, each fault was recovered from."""
        end = time.monotonic() + MAX_QUIET_SECONDS
        while time.monotonic() < end:
            self._turn(more_faults=False)
            if not self.load.alive() and self._quiet() and all(each.recovered for each in self.recoveries):
                return True
        return False

    def _turn(self, more_faults: bool) -> None:
        self.machine.tick()
        now = time.monotonic()
        if self._fault and now >= self._next_at:
            self._continue_fault(now)
        elif not self._fault and more_faults and now >= self._next_at and self._may_begin(now):
            self._begin_fault(next(self._plan), now)
        if more_faults and now >= self._slots_at:
            self._slots_at = now + SLOT_SECONDS * self.scale
            time_travel.repeat_slots(self.machine)
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            time_travel.end_waits(self.machine, leases=self.scale < 1)
            for each in self.recoveries:
                if each.ended is not None and not each.recovered:
                    each.look(self.machine)

    def _may_begin(self, now: float) -> bool:
        last = self.recoveries[-1] if self.recoveries else None
        return last is None or last.recovered or now - (last.ended or now) > MAX_RECOVERY_SECONDS * self.scale**2

    def _begin_fault(self, name: str, now: float) -> None:
        recovery = Recovery(name, now)
        recovery.begin(self.machine)
        self.recoveries.append(recovery)
        self._fault = FAULTS[name](self._target)

    def _continue_fault(self, now: float) -> None:
        assert self._fault
        try:
            self._next_at = now + next(self._fault)
        except StopIteration as returned:
            self.recoveries[-1].detail, self.recoveries[-1].ended = returned.value, time.monotonic()
            self._fault, self._next_at = None, now + self._target.rng.uniform(1, 4) * max(self.scale, 0.25)

    def _quiet(self) -> bool:
        with suppress(psycopg2.Error, RedisError):
            unfinished = self.machine.sql(UNFINISHED)[0][0]
            running = sum(self.machine.redis.zcard(f"rq:wip:{queue}") for queue in QUEUES)
            return not unfinished and not running and not time_travel.slots_missing(self.machine)
        return False
