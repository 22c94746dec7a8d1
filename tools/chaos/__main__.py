"""`make chaos`: the program under a load while everything around it fails; exits 1 where a promise was not kept.

`python tools/chaos [seed] [seconds]`
"""

import random
import signal
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "tests" / "support")]

import checks
import checks_of_mail
import checks_of_time
import table
from drill import FULL_SECONDS, Drill
from load import Load
from machine import Machine
from replay import replay, unexplained
from scene import Scene
from ticks import long_ago, owe_again
from vendors import Vendors

from devstack.listener import listens

CHECKS = [*checks.CHECKS, *checks_of_time.CHECKS, *checks_of_mail.CHECKS]


def run(seed: int, seconds: float) -> int:
    """The exit status: 1 where anything differs from what was promised. The logs of such a run stay."""
    vendors, keep = Vendors(), True
    vendors.start()
    machine = Machine(vendors.url)
    try:
        found = _drill(machine, vendors, seed, seconds)
        machine.stop()
        found["no process is left"] = _left(machine)
        keep = any(found.values())
        verdict = f"PROMISES BROKEN, logs in {machine.home}" if keep else "all promises kept"
        print(table.checks(found), f"seed {seed}, {seconds:.0f} s: {verdict}", sep="\n\n")
        return int(keep)
    except (KeyboardInterrupt, SystemExit):
        keep = False
        raise
    finally:
        machine.stop()
        machine.end_leftovers()
        vendors.stop()
        if not keep:
            machine.remove()


def _drill(machine: Machine, vendors: Vendors, seed: int, seconds: float) -> dict[str, list[str]]:
    """The differences found by each check, none where a promise was kept."""
    machine.start()
    load = Load(machine.base_url, vendors, seed)
    drill, found = Drill(machine, vendors, load, seed, seconds), dict[str, list[str]]()
    long_ago(machine)
    begun = time.monotonic()
    drill.run()
    found["all became quiet"] = [] if drill.settle() else ["something is still owed, or not recovered"]
    owe_again(machine)  # the days that got late rows since
    found["what came to rest did so by a vendor"] = unexplained(machine)
    replayed = replay(machine, load)
    found["all became quiet again"] = [] if drill.settle() else ["something is still owed"]
    found["no customer was refused"] = load.failures
    print(table.faults(drill.rows, begun), end="\n\n")
    print(table.work(load.accepted, len(vendors.deliveries)), f"replayed: {len(replayed)}", sep="; ", end="\n\n")
    scene = Scene(machine, vendors, load.accepted, load.clients, replayed)
    return found | {check.__name__.replace("_", " "): check(scene) for check in CHECKS}


def _left(machine: Machine) -> list[str]:
    wrong = [f"pid {process.pid}: {process.cmdline()}" for process in machine.leftovers()]
    return wrong + [f"{s.name} listens" for s in (machine.postgres, machine.redis_server) if listens(s.socket)]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    asked_seed, asked_seconds = (*sys.argv[1:], "", "")[:2]
    seed = int(asked_seed) if asked_seed else random.SystemRandom().randrange(1_000_000)
    seconds = float(asked_seconds or FULL_SECONDS)
    print(f"seed {seed}, {seconds:.0f} s of load and faults ...", flush=True)
    try:
        sys.exit(run(seed, seconds))
    except KeyboardInterrupt:
        sys.exit(130)
