"""A job that does nothing: what the outbox, the queue and the worker cost, beside stock RQ and BullMQ, which keep no row."""

import sys

import bullmq
import ours
import ours_measured
from figures import Figure, compare
from harness import HERE, Servers, program
from usage import Cpu, Run, medians

ROUNDS = 3
CASES = {"one worker": ("billing", 1000), "ten workers": ("email", 200)}  # a queue with so many slots, jobs a slot


def stock_rq(servers: Servers, workers: int, jobs: int) -> Run:
    """SimpleWorkers, forked when all jobs are in the queue."""
    command = [
        sys.executable,
        HERE / "peers" / "stock_rq.py",
        servers.environment["REDIS_URL"],
        str(workers),
        str(jobs),
    ]
    with program(command) as process:
        assert process.stdout.readline() == "added\n"
        cpu = Cpu(workers=process.pid, Redis=servers.redis_pid)
        print(file=process.stdin, flush=True)
        seconds = float(process.stdout.readline())
        return Run(jobs / seconds, cpu.ms_a_job(jobs))


def compared(servers: Servers, case: str, queue: str, jobs: int) -> list[Figure]:
    slots = ours.slots_of([queue])
    mine, stock, theirs = [], [], []
    for _ in range(ROUNDS):
        mine.append(ours_measured.throughput(servers, [queue], "empty", jobs, jobs // 10))
        stock.append(stock_rq(servers, slots[queue], jobs * slots[queue]))
        if bullmq.available():
            theirs.append(bullmq.throughput(servers, slots, "empty", jobs, jobs // 10))
    runs = {"stock RQ": medians(stock), **({"BullMQ": medians(theirs)} if theirs else {})}
    own = medians(mine)
    title = f"an empty outbox job, {case}, against"
    return [
        compare(f"{title} {name}", own.rate, run.rate, "jobs/s", "", f"ours: {own.cpu()}; {name}: {run.cpu()}")
        for name, run in runs.items()
    ]


def measure(servers: Servers) -> list[Figure]:
    return [row for case, (queue, jobs) in CASES.items() for row in compared(servers, case, queue, jobs)]
