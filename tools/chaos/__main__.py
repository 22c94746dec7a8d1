"""`make chaos`: the program under a load while everything around it fails; exits 1 where a promise was broken.

`python tools/chaos [seed] [seconds]`
"""

import random
import signal
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "tests" / "support")]

import checks
import checks_of_delivery
import checks_of_time
import table
import time_travel
from drill import FULL_SECONDS, Drill
from evidence import Evidence
from load import Load
from machine import Machine
from retrying import failed_by_us, retry_failed
from vendors import Vendors

import jobs  # noqa: F401  registers the queues and the schedule
from devstack.listener import listens

CHECKS = [*checks.CHECKS, *checks_of_delivery.CHECKS, *checks_of_time.CHECKS]


def run(seed: int, seconds: float) -> int:
    """The exit status: 1 where a check finds a difference. The logs of such a run are kept."""
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
    """The differences that each check finds, by its name."""
    machine.start()
    load = Load(machine.base_url, vendors, seed)
    drill, found = Drill(machine, vendors, load, seed, seconds), dict[str, list[str]]()
    time_travel.sleep_long(machine)
    begun = time.monotonic()
    drill.run()
    found["all became quiet"] = [] if drill.settle() else ["a row is unfinished, or a fault was not recovered from"]
    time_travel.repeat_slots(machine)  # the days that became dirty since are counted again
    found["no row is FAILED by an error of ours"] = failed_by_us(machine)
    retried = retry_failed(machine, load)
    found["all became quiet again"] = [] if drill.settle() else ["a row is unfinished"]
    found["no customer saw an error"] = load.failures
    print(table.faults(drill.recoveries, begun), end="\n\n")
    print(table.load(load.accepted, len(vendors.deliveries), len(retried)), end="\n\n")
    evidence = Evidence(machine, vendors, load.accepted, load.clients, retried, load.reporters.failed)
    return found | {check.__name__.replace("_", " "): check(evidence) for check in CHECKS}


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
