"""The workers: how much of the ideal they reach, how soon they start a job, what CPU and memory they take.

BullMQ does the same jobs in the same run, in turn with ours.
"""

import statistics
from collections.abc import Sequence

import bullmq
import ours
import ours_measured
from figures import Figure, compare
from harness import Servers, slow_vendor
from slow_server import LATENCY_SECONDS
from usage import Run, medians, tree, tree_megabytes

from runner.registry import QUEUES

ROUNDS = 3
WARM_UP, JOBS = 20, 100  # a slot
PINGS, FIRST_PINGS = 80, 20  # the first ones do not count


def in_turn(servers: Servers, url: str, queues: Sequence[str]) -> tuple[Run, Run | None]:
    """The medians of ours and of BullMQ's rounds."""
    mine, theirs = [], []
    for _ in range(ROUNDS):
        mine.append(ours_measured.throughput(servers, queues, "post", JOBS, WARM_UP, url))
        if bullmq.available():
            theirs.append(bullmq.throughput(servers, ours.slots_of(queues), "post", JOBS, WARM_UP, url))
    return medians(mine), medians(theirs) if theirs else None


def throughput(queues: Sequence[str], mine: Run, theirs: Run | None, goal: str, bullmq_goal: str = "") -> list[Figure]:
    slots = sum(ours.slots_of(queues).values())
    name = f"{slots} slots on {len(queues)} queue{'s' * (len(queues) > 1)}, jobs that POST for 50 ms, against"
    figures = [compare(f"{name} the ideal", mine.rate, slots / LATENCY_SECONDS, "jobs/s", goal, mine.cpu())]
    if theirs:
        figures.append(
            compare(f"{name} BullMQ", mine.rate, theirs.rate, "jobs/s", bullmq_goal, f"BullMQ: {theirs.cpu()}")
        )
    return figures


def cpu(mine: Run, theirs: Run | None) -> list[Figure]:
    name = "CPU a job, all processes together, 20 slots, against"
    figures = [compare(f"{name} 3.0 ms", mine.all_cpu_ms, 3.0, "ms", "<= 1.0", mine.cpu())]
    if theirs:
        figures.append(
            compare(f"{name} BullMQ", mine.all_cpu_ms, theirs.all_cpu_ms, "ms", "", f"BullMQ: {theirs.cpu()}")
        )
    return figures


def start_latency(servers: Servers) -> list[Figure]:
    """From just before the dispatch to the job's first line, as the clock that both processes share has it."""
    starts = ours_measured.start_latencies(servers, "email", PINGS)[FIRST_PINGS:]
    mine, dispatch = (statistics.median(part) for part in zip(*starts, strict=True))
    name = "start latency on idle workers, median, against"
    figures = [compare(f"{name} 3 ms", mine, 3.0, "ms", "<= 1.0", f"the dispatch alone takes {dispatch:.2f} ms")]
    if bullmq.available():
        theirs = statistics.median(bullmq.start_latencies(servers, ours.slots_of(["email"]), PINGS)[FIRST_PINGS:])
        figures.append(compare(f"{name} BullMQ", mine, theirs, "ms", "<= 1.2"))
    return figures


def memory(servers: Servers, mine: Run, theirs: Run | None) -> list[Figure]:
    """All twenty workers and their supervisor, before any work and after 20 jobs a slot."""
    with ours.workers(servers, list(QUEUES)) as supervisor:
        family, before = len(tree(supervisor.pid)), tree_megabytes(supervisor.pid)
    after = "memory of the workers after 20 jobs a slot (PSS), against"
    figures = [
        compare("memory of the workers (PSS), against 260 MB", before, 260, "MB", "<= 1.0", f"{family} processes"),
        compare(f"{after} 400 MB", mine.megabytes, 400, "MB", "<= 1.0"),
    ]
    if theirs:
        figures.append(compare(f"{after} BullMQ", mine.megabytes, theirs.megabytes, "MB"))
    return figures


def measure(servers: Servers) -> list[Figure]:
    one, five = ["email"], list(QUEUES)
    with slow_vendor() as url:
        of_one, of_five = in_turn(servers, url, one), in_turn(servers, url, five)
    return [
        *throughput(one, *of_one, ">= 0.88", ">= 0.97"),
        *throughput(five, *of_five, ">= 0.83"),
        *cpu(*of_five),
        *start_latency(servers),
        *memory(servers, *of_five),
    ]
