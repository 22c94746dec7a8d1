"""What the measurements share: servers of their own, programs beside them, and how a figure is taken."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

from devstack.postgres import Postgres
from devstack.redis import Redis

POLL_SECONDS = 0.05  # between two looks at what a measurement waits for
MAX_WAIT_SECONDS = 300.0  # bounds a hang: it is not a measure of speed
MAX_RUN_SECONDS = 1800.0  # of a program: longer than the longest measurement
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Servers:
    """The servers of one run, and the environment that names them."""

    environment: Mapping[str, str]
    postgres: Postgres
    redis: Redis

    @property
    def postgres_pid(self) -> int:
        assert self.postgres.process.pid
        return self.postgres.process.pid

    @property
    def redis_pid(self) -> int:
        assert self.redis.process.pid
        return self.redis.process.pid


@contextmanager
def servers() -> Iterator[Servers]:
    """Embedded servers as `make run` has them."""
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
        yield Servers(environment, postgres, redis)
    finally:
        redis.stop()
        postgres.stop()
        postgres.remove()
        redis.remove()


@contextmanager
def program(command: Sequence[str | Path], env: Mapping[str, str] | None = None, quiet: bool = False) -> Iterator[Any]:
    """A process with stdin and stdout as text, which is asked to end with the block. `quiet`: what it logs is dropped."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
    )  # fmt: skip
    limit = threading.Timer(MAX_RUN_SECONDS, process.kill)  # nobody waits for ever for a line of its output
    limit.daemon = True
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def slow_vendor() -> Iterator[str]:
    """The address of a server that takes 50 ms."""
    with program([sys.executable, HERE / "slow_server.py"]) as process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"


def wait_until(condition: Callable[[], object], poll_seconds: float = POLL_SECONDS) -> None:
    end = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"did not happen within {MAX_WAIT_SECONDS:.0f} s")
        time.sleep(poll_seconds)


def seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def median_seconds(act: Callable[[], object], runs: int) -> float:
    act()
    return statistics.median(seconds(act) for _ in range(runs))


def in_turn(ours: Callable[[], object], yardstick: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median seconds of both, run A B A B, so that a machine that slows down slows both."""
    ours(), yardstick()
    pairs = [(seconds(ours), seconds(yardstick)) for _ in range(runs)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
