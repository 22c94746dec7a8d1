"""What the measurements share: servers of their own, a workspace, a table of figures."""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from devstack.postgres import Postgres
from devstack.redis import Redis


@dataclass(frozen=True)
class Figure:
    """One line of the table: ours against the yardstick of the same run, and whether the goal is met."""

    name: str
    ours: float
    yardstick: float
    unit: str
    ratio: float
    goal: str
    met: bool
    remark: str = ""


def compare(name: str, ours: float, yardstick: float, unit: str, goal: str, remark: str = "") -> Figure:
    """`goal`: '>= 0.8' or '<= 1.3', of ours / yardstick."""
    ratio = ours / yardstick
    sign, _, bound = goal.partition(" ")
    met = ratio >= float(bound) if sign == ">=" else ratio <= float(bound)
    return Figure(name, ours, yardstick, unit, round(ratio, 3), goal, met, remark)


def median_seconds(act: Callable[[], object], runs: int) -> float:
    act()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def in_turn(ours: Callable[[], object], yardstick: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median seconds of both, run A B A B, so that a machine that slows down slows both."""
    ours(), yardstick()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for kind, act in enumerate((ours, yardstick)):
            start = time.perf_counter()
            act()
            times[kind].append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Embedded servers as `make run` has them; the environment names them."""
    home = Path(tempfile.mkdtemp(prefix="nightshift-bench-"))
    postgres, redis = Postgres(home), Redis(home)
    try:
        postgres.start()
        redis.start()
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "APP_ENV": "development"}
        os.environ.update(environment)
        for name in ("OPENAI_API_KEY", "SENTRY_DSN"):
            os.environ.pop(name, None)
        from nightshift.db.migrate import migrate

        migrate()
        yield environment
    finally:
        redis.stop()
        postgres.stop()
        postgres.remove()
        redis.remove()


def table(figures: list[Figure]) -> str:
    head = f"{'measurement':58} {'ours':>10} {'yardstick':>10} {'unit':9} {'ratio':>7} {'goal':8} met"
    lines = [head, "-" * len(head)]
    for f in figures:
        line = f"{f.name:58} {f.ours:10.4g} {f.yardstick:10.4g} {f.unit:9} {f.ratio:7.3f} {f.goal:8} {'yes' if f.met else 'NO'}"
        lines += [line] + ([f"    {f.remark}"] if f.remark else [])
    return "\n".join(lines)


def as_json(figures: list[Figure]) -> list[dict[str, object]]:
    return [asdict(f) for f in figures]
