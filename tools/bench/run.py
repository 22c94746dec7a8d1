"""`make bench`: every figure as a ratio within one run; one table; the results beside the date."""

import datetime
import json
import logging
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from harness import Figure, as_json, servers, table

RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> None:
    logging.getLogger("nightshift").setLevel(logging.WARNING)  # a line an attempt is for operators, not for this table
    figures: list[Figure] = []
    with servers() as environment:
        for name, measure in _measurements(environment).items():
            if not names or name in names:
                print(f"measuring {name} ...", file=sys.stderr, flush=True)
                fresh = measure()
                print(table(fresh), file=sys.stderr, flush=True)
                figures += fresh
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": len(__import__("os").sched_getaffinity(0)),
    }
    print(table(figures))
    if not names:
        RESULTS.mkdir(exist_ok=True)
        result = {"date": today, **machine, "figures": as_json(figures)}
        (RESULTS / f"{today}.json").write_text(json.dumps(result, indent=1) + "\n")


def _measurements(environment: dict[str, str]) -> dict[str, Callable[[], list[Figure]]]:
    import accepting
    import billing_and_rollup
    import growing
    import ingesting
    import mailing
    import recovering
    import sending
    import working

    return {
        "ingesting": ingesting.measure,
        "accepting": lambda: accepting.measure(environment),
        "working": lambda: working.measure(environment),
        "sending": lambda: sending.measure(environment),
        "mailing": lambda: mailing.measure(environment),
        "growing": lambda: growing.measure(environment),
        "recovering": lambda: recovering.measure(environment),
        "billing_and_rollup": billing_and_rollup.measure,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
