"""`make chaos`: the program under a load while everything around it fails; exits 1 where a promise was not kept.

`python tests/chaos [seed] [seconds]`
"""

from __future__ import annotations

import random
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]

import checks
import checks_of_mail
import checks_of_time
import table
from drill import FULL_SECONDS, Drill
from load import Load
from machine import Machine
from replay import replay
from scene import Scene
from ticks import long_ago, owe_again
from vendors import Vendors

from devstack.listener import listens

CHECKS = [*checks.CHECKS, *checks_of_time.CHECKS, *checks_of_mail.CHECKS]


def run(seed: int, seconds: float) -> int:
    """The exit status: 1 where anything differs from what was promised."""
    vendors = Vendors()
    vendors.start()
    machine = Machine(vendors.url)
    found: dict[str, list[str]] = {}
    try:
        machine.start()
        load = Load(machine.base_url, vendors, seed)
        drill = Drill(machine, vendors, load, seed, seconds)
        long_ago(machine)
        begun = time.monotonic()
        drill.run()
        found["all became quiet"] = [] if drill.settle() else ["something is still owed, or not recovered"]
        owe_again(machine)  # the days that got late rows since
        replayed = replay(machine, load)
        found["all became quiet again"] = [] if drill.settle() else ["something is still owed"]
        found["no customer was refused"] = load.failures
        scene = Scene(machine, vendors, load.accepted, load.clients, replayed)
        found |= {check.__name__.replace("_", " "): check(scene) for check in CHECKS}
        print(table.faults(drill.rows, begun), end="\n\n")
        print(table.work(load.accepted, len(vendors.deliveries)), f"replayed: {len(replayed)}", sep="; ", end="\n\n")
    finally:
        machine.stop()
        found["no process is left"] = _left(machine)
        machine.remove()
        vendors.stop()
    print(table.checks(found), end="\n\n")
    bad = any(found.values())
    print(
        f"seed {seed}, {seconds:.0f} s: {'PROMISES BROKEN, logs in ' + str(machine.home) if bad else 'all promises kept'}"
    )
    if not bad:
        shutil.rmtree(machine.home, ignore_errors=True)
    return int(bad)


def _left(machine: Machine) -> list[str]:
    wrong = [f"pid {process.pid}: {process.cmdline()}" for process in machine.leftovers()]
    return wrong + [f"{s.name} listens" for s in (machine.postgres, machine.redis_server) if listens(s.socket)]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    asked_seed, asked_seconds = (*sys.argv[1:], "", "")[:2]
    seed = int(asked_seed) if asked_seed else random.SystemRandom().randrange(1_000_000)
    seconds = float(asked_seconds or FULL_SECONDS)
    print(f"seed {seed}, {seconds:.0f} s of load and faults ...", flush=True)
    sys.exit(run(seed, seconds))
