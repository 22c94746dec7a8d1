"""`make bench`: every figure as a ratio within one run. `make bench ONLY="working accepting"` takes these measurements only.

Prints one table to stdout, in the form that `figures` describes, and its progress to stderr. A whole run also keeps the table
as results/<date>.json.
"""

import importlib
import json
import logging
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import bullmq
from figures import Figure, as_json, table
from harness import HERE, servers

RESULTS = HERE / "results"
WITH_BULLMQ = {"working", "empty_jobs"}
MEASUREMENTS = (
    "ingesting", "finding", "accepting", "flooding", "working", "empty_jobs", "sending", "mailing", "growing", "recovering",
    "billing_and_rollup", "holding", "characters", "reading", "console",
)  # fmt: skip
ON_REQUEST = ("enduring",)  # half an hour of troubles, which is no part of a whole run


def main(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in MEASUREMENTS + ON_REQUEST]
    if unknown:
        sys.exit(f"No such measurement: {', '.join(unknown)}. There are: {', '.join(MEASUREMENTS + ON_REQUEST)}.")
    chosen = names or MEASUREMENTS
    figures = measure(chosen)
    print(table(figures))
    if WITH_BULLMQ.intersection(chosen) and not bullmq.available():
        print(bullmq.MISSING)
    if not names:
        keep(figures)


def measure(names: Sequence[str]) -> list[Figure]:
    logging.getLogger("nightshift").setLevel(logging.WARNING)  # a line for each attempt would hide the progress
    figures = []
    with servers() as running:
        for name in names:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            fresh = importlib.import_module(name).measure(running)
            print(table(fresh), file=sys.stderr, flush=True)
            figures += fresh
    return figures


def keep(figures: Sequence[Figure]) -> None:
    now = datetime.now(UTC)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cpus": cpus}
    result = {"date": f"{now:%Y-%m-%d}", **machine, "figures": as_json(figures)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{now:%Y-%m-%d}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
