"""CPU and memory of whole process trees: the workers, Postgres with its backends, Redis."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Run:
    """What one run of many jobs showed."""

    rate: float  # jobs a second
    cpu_ms: Mapping[str, float]  # of CPU a job, by part
    megabytes: float = 0.0  # PSS of the workers after their first jobs

    @property
    def all_cpu_ms(self) -> float:
        return sum(self.cpu_ms.values())

    def cpu(self) -> str:
        parts = ", ".join(f"{part} {ms:.2f}" for part, ms in self.cpu_ms.items())
        return f"{self.all_cpu_ms:.2f} ms of CPU a job ({parts})"


class Cpu:
    """CPU that named process trees use from now on. `roots`: each tree's first process."""

    def __init__(self, **roots: int) -> None:
        self._roots = roots
        self._before = {name: tree_seconds(pid) for name, pid in roots.items()}

    def ms_a_job(self, jobs: int) -> dict[str, float]:
        return {n: (tree_seconds(pid) - self._before[n]) / jobs * 1000 for n, pid in self._roots.items()}


def medians(runs: Sequence[Run]) -> Run:
    """Each figure's median."""

    def middle(of: Callable[[Run], float]) -> float:
        return statistics.median(of(run) for run in runs)

    cpu_ms = {part: middle(lambda run, part=part: run.cpu_ms[part]) for part in runs[0].cpu_ms}
    return Run(middle(lambda run: run.rate), cpu_ms, middle(lambda run: run.megabytes))


def tree_seconds(pid: int) -> float:
    """User and system time of a process and of its descendants: the living ones, and those their parents waited for."""
    seconds = 0.0
    for process in reversed(tree(pid)):  # the time of one that ends meanwhile is its parent's
        with suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:4])
    return seconds


def tree_megabytes(pid: int) -> float:
    """Memory of a process tree, shared pages counted once (PSS)."""
    return sum(process.memory_full_info().pss for process in tree(pid)) / 1e6


def tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]
