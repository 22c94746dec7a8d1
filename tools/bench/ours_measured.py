"""The job for measuring, done by our workers: how many a second, what it costs, how soon it starts."""

import time
from collections.abc import Mapping, Sequence

import ours
from bench_job import NAMES
from harness import Servers
from usage import Cpu, Run, tree_megabytes


def throughput(
    servers: Servers, queues: Sequence[str], kind: str, jobs_a_slot: int, warm_up: int, url: str = ""
) -> Run:
    """All slots are busy from the first job to the last. `warm_up`: jobs a slot before."""
    slots = ours.slots_of(queues)
    with ours.workers(servers, queues, kind, {"BENCH_URL": url}) as supervisor:
        _enqueue(slots, warm_up)
        _work_off(slots)
        megabytes = tree_megabytes(supervisor.pid)
        _enqueue(slots, jobs_a_slot)
        cpu = Cpu(workers=supervisor.pid, Postgres=servers.postgres_pid, Redis=servers.redis_pid)
        seconds, total = _work_off(slots), sum(slots.values()) * jobs_a_slot
        return Run(total / seconds, cpu.ms_a_job(total), megabytes)


def start_latencies(servers: Servers, queue: str, jobs: int) -> list[tuple[float, float]]:
    """Milliseconds from just before each job is dispatched until its first line runs, and until the dispatch returns; one
    job at a time on idle workers."""
    starts = []
    job, workspace = NAMES[queue], "latency"
    with ours.workers(servers, [queue], "stamp") as supervisor:
        for number in range(jobs):
            ours.enqueue(job, [f"latency_{number}"], workspace, due_in=0)
            pushed = time.monotonic_ns()
            ours.dispatch(job, workspace)
            returned = time.monotonic_ns()
            starts.append(((int(supervisor.stdout.readline()) - pushed) / 1e6, (returned - pushed) / 1e6))
            ours.finish(job)
            time.sleep(0.02)
    return starts


def _workspaces(slots: Mapping[str, int]) -> list[tuple[str, str]]:
    """(queue, workspace id): one workspace a slot, as one alone is held to its bound."""
    return [(queue, f"{queue}-{slot}") for queue in slots for slot in range(slots[queue])]


def _enqueue(slots: Mapping[str, int], jobs_a_slot: int) -> None:
    for queue, workspace in _workspaces(slots):
        job = NAMES[queue]
        ours.enqueue(job, [f"row_{time.monotonic_ns()}" for _ in range(jobs_a_slot)], workspace)


def _work_off(slots: Mapping[str, int]) -> float:
    """Seconds from the first dispatch until all that is enqueued is done."""
    jobs = [NAMES[queue] for queue in slots]
    for job in jobs:
        ours.make_due(job)
    start = time.perf_counter()
    for queue, workspace in _workspaces(slots):
        ours.dispatch(NAMES[queue], workspace)
    for job in jobs:
        ours.finish(job)
    return time.perf_counter() - start
