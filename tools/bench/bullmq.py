"""BullMQ beside ours: the same Redis, the same slow server, the same queues and queue lengths. Needs node and npm."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from harness import HERE, Servers, program
from usage import Cpu, Run, tree_megabytes

PEERS = HERE / "peers"
MISSING = "BullMQ's rows are left out: they need node, npm and, the first time, the npm registry."


@cache
def available() -> bool:
    """Whether it can be measured here; installs the locked versions the first time, and after a change of the lock."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    installed, lock = PEERS / "node_modules" / ".package-lock.json", PEERS / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return True
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    return subprocess.run(command, cwd=PEERS, stdout=sys.stderr).returncode == 0


def throughput(
    servers: Servers, queues: Mapping[str, int], kind: str, jobs_a_slot: int, warm_up: int, url: str = ""
) -> Run:
    """`queues`: slots by name. `kind`: 'post' to `url`, or 'empty'. `warm_up`: jobs a slot before."""
    config = {"socket": str(servers.redis.socket), "queues": queues, "kind": kind, "url": url}
    with _workers(config) as workers:
        with _filled(config, warm_up) as start:
            start()
        megabytes = tree_megabytes(workers.pid)
        with _filled(config, jobs_a_slot) as start:
            cpu = Cpu(workers=workers.pid, Redis=servers.redis_pid)
            total, seconds = jobs_a_slot * sum(queues.values()), start()
            return Run(total / seconds, cpu.ms_a_job(total), megabytes)


def start_latencies(servers: Servers, queues: Mapping[str, int], jobs: int) -> list[float]:
    """Milliseconds from just before each job is added until its first line runs, one job at a time on idle workers."""
    config = {"socket": str(servers.redis.socket), "queues": queues, "kind": "stamp", "jobs": jobs}
    with _workers(config) as workers, _node("ping", config):
        return [float(workers.stdout.readline()) for _ in range(jobs)]


@contextmanager
def _workers(config: Mapping[str, Any]) -> Iterator[Any]:
    with _node("work", config) as process:
        assert process.stdout.readline() == "ready\n"
        yield process


@contextmanager
def _filled(config: Mapping[str, Any], jobs_a_slot: int) -> Iterator[Callable[[], float]]:
    """All jobs are in the paused queues. Yields what starts them and returns how many seconds all of them took."""
    with _node("add", {**config, "jobs": jobs_a_slot}) as adder:
        assert adder.stdout.readline() == "added\n"

        def start() -> float:
            print(file=adder.stdin, flush=True)
            return float(adder.stdout.readline())

        yield start


def _node(role: str, config: Mapping[str, Any]) -> Any:
    return program(["node", PEERS / "bullmq.mjs", role, json.dumps(config)])
