"""The workers: how much of the ideal they reach, how soon they start, how much memory they take."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bench_job
import psutil
from harness import ROOT, Figure, compare
from jobs.connection import redis
from jobs.ring import ring_due
from slow_server import LATENCY_SECONDS

from jobs.queues import QUEUES
from nightshift import work
from nightshift.db.session import statement, transaction

HERE = Path(__file__).parent


@contextmanager
def slow_vendor() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, HERE / "slow_server.py"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
    finally:
        process.kill()
        process.wait()


@contextmanager
def supervised(
    command: Sequence[str | Path], environment: dict[str, str], queues: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The workers of these queues, all of them there."""
    env = {**os.environ, **environment, "LOG_FORMAT": "json"}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    try:
        for queue in queues:
            while redis().scard(f"rq:workers:{queue}") < QUEUES[queue].workers:
                time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def workers(environment: dict[str, str], url: str, queues: Sequence[str]) -> Any:
    """With the job for measuring."""
    command = [sys.executable, HERE / "bench_job.py", *queues]
    return supervised(command, {**environment, "BENCH_URL": url}, queues)


def throughput(environment: dict[str, str], url: str, queues: Sequence[str], jobs_a_worker: int) -> Figure:
    """All slots busy from the first job to the last, every queue with as many jobs as its slots need."""
    slots = sum(QUEUES[queue].workers for queue in queues)
    with workers(environment, url, queues) as supervisor:
        total = 0
        with transaction() as session:
            for queue in queues:
                for number in range(QUEUES[queue].workers * jobs_a_worker):
                    # one workspace a slot: a single one is held to its bound
                    workspace = f"{queue}-{number % QUEUES[queue].workers}"
                    name = bench_job.name_of(queue)
                    work.order(session, name, f"{name}_{time.time_ns()}_{number}", workspace)
                    total += 1
        cpu = cpu_seconds(supervisor.pid)
        start = time.perf_counter()
        for queue in queues:
            for slot in range(QUEUES[queue].workers):
                ring_due(bench_job.name_of(queue), f"{queue}-{slot}")
        while pending():
            time.sleep(0.1)
        rate = total / (time.perf_counter() - start)
        cpu_ms = (cpu_seconds(supervisor.pid) - cpu) / total * 1000
    ideal = slots / LATENCY_SECONDS
    name = f"{slots} slots on {len(queues)} queue{'s' * (len(queues) > 1)}, jobs that POST for 50 ms, against the ideal"
    return compare(name, rate, ideal, "jobs/s", ">= 0.85", f"{cpu_ms:.1f} ms of CPU a job in the workers")


def cpu_seconds(supervisor: int) -> float:
    """What its workers have taken so far."""
    return sum(sum(process.cpu_times()[:2]) for process in psutil.Process(supervisor).children())


def pending() -> int:
    return len(statement("SELECT 1 FROM work WHERE job LIKE 'bench%%' AND state = 'pending' LIMIT 1"))


def start_latency(environment: dict[str, str], url: str) -> Figure:
    """One job at a time on idle workers: from being pushed to running, as RQ stamps both."""
    waits = []
    with workers(environment, url, ["email"]):
        for _ in range(60):
            row_id = f"{bench_job.name_of('email')}_{time.time_ns()}"
            with transaction() as session:
                work.order(session, bench_job.name_of("email"), row_id, "latency")
            ring_due(bench_job.name_of("email"), "latency")
            while pending():
                time.sleep(0.002)
            time.sleep(0.02)
            enqueued, started = redis().hmget(
                f"rq:job:{bench_job.name_of('email')}-{row_id}-1", "enqueued_at", "started_at"
            )
            waits.append((_seconds(started) - _seconds(enqueued)) * 1000)
    return compare("start latency on idle workers, median, against 3 ms", statistics.median(waits), 3.0, "ms", "<= 1.0")


def _seconds(stamp: bytes) -> float:
    from rq.utils import utcparse

    return utcparse(stamp.decode()).timestamp()


def memory(environment: dict[str, str], url: str) -> Figure:
    """All twenty workers, the process for delayed retries and their supervisor, after some work."""
    with workers(environment, url, list(QUEUES)) as supervisor:
        time.sleep(2)
        family = [psutil.Process(supervisor.pid), *psutil.Process(supervisor.pid).children(recursive=True)]
        pss = sum(process.memory_full_info().pss for process in family) / 1e6
    return compare("memory of the workers (PSS), against 260 MB", pss, 260, "MB", "<= 1.0", f"{len(family)} processes")


def measure(environment: dict[str, str]) -> list[Figure]:
    bench_job.register()
    with slow_vendor() as url:
        return [
            throughput(environment, url, ["email"], 100),
            throughput(environment, url, list(QUEUES), 100),
            start_latency(environment, url),
            memory(environment, url),
        ]
