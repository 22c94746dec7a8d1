"""What has happened so far, in numbers that only grow: counters, and histograms of seconds.

A process counts in its memory, which costs a microsecond. Now and then it hands over what is new (`drain`), to be added to
what all processes have counted: see `runner.counts`.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

JOB_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0)
TICK_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0)
SUM = "sum"  # of a histogram, in milliseconds
BEYOND = "+Inf"

SERIES: dict[str, "Series"] = {}


@dataclass(frozen=True)
class Series:
    """A counter; with `bounds`, the upper ones of its buckets, a histogram. Values of labels have no space in them."""

    name: str
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        SERIES[self.name] = self


RUNS = Series("nightshift_jobs", "Runs by outcome, those inside requests too", ("queue", "job", "outcome"))
WAITED = Series("nightshift_wait_seconds", "From due to begun, of runs by workers", ("queue",), JOB_SECONDS)
RAN = Series("nightshift_run_seconds", "How long runs by workers took", ("queue",), JOB_SECONDS)
ANSWERS = Series("nightshift_vendor_answers", "Calls to vendors by what came of them", ("vendor", "answer"))
LOST = Series("nightshift_lost_jobs", "Jobs that Redis had lost, dispatched again", ("job",))
RESCUED = Series("nightshift_rescued_jobs", "Jobs taken from workers that were gone", ("job",))
TICK = Series("nightshift_tick_seconds", "How long whole ticks of the scheduler took", (), TICK_SECONDS)
RECONCILE = Series("nightshift_reconcile_seconds", "How long reconciling Redis took in them", (), TICK_SECONDS)

_new = Counter[str]()
_lock = Lock()


def count(series: Series, *labels: str, by: int = 1) -> None:
    """So many more. `labels`: the values, in the order in which the series names them."""
    with _lock:
        _new[" ".join((series.name, *labels))] += by


def observe(series: Series, seconds: float, *labels: str) -> None:
    """One more in its bucket of a histogram."""
    seconds = max(0.0, seconds)  # of two clocks one may be ahead
    bucket = next((str(bound) for bound in series.bounds if seconds <= bound), BEYOND)
    count(series, *labels, bucket)
    count(series, *labels, SUM, by=round(seconds * 1000))


@contextmanager
def timed(series: Series) -> Iterator[None]:
    """Observe how long the block takes, unless it raises."""
    begun = time.monotonic()
    yield
    observe(series, time.monotonic() - begun)


def drain() -> dict[str, int]:
    """What is new since the last call: "<series> <label> ..." -> how many."""
    with _lock:
        new = dict(_new)
        _new.clear()
    return new


def restore(drained: dict[str, int]) -> None:
    """It could not be handed over: the next `drain` returns it too."""
    with _lock:
        _new.update(drained)
