"""A job for measuring on each queue: `bench_job.email`, `bench_job.webhook_retry`, ...

BENCH_KIND says what it does: 'post' to BENCH_URL, a server that takes 50 ms; 'empty'; 'stamp', which prints when it began, in
nanoseconds of the monotonic clock. `python bench_job.py <queue> ...` is worker.py that knows these jobs.
"""

import json
import os
import sys
import time
from pathlib import Path

import jobs  # noqa: F401  its queues
from nightshift.http import post_trusted
from runner import Retry, job
from runner.registry import QUEUES


def post(row_id: str) -> None:
    body, headers = json.dumps({"row": row_id}).encode(), {"Content-Type": "application/json"}
    answer = post_trusted(os.environ["BENCH_URL"], body, headers, max_bytes=1 << 16, deadline_seconds=10)
    assert answer.status == 200


def empty(row_id: str) -> None:
    pass


def stamp(row_id: str) -> None:
    print(time.monotonic_ns(), flush=True)


KINDS = {"post": post, "empty": empty, "stamp": stamp}


def register(queue: str) -> str:
    """Returns the job's name."""

    def bench(row_id: str) -> None:
        KINDS[os.environ["BENCH_KIND"]](row_id)

    bench.__module__, bench.__name__ = "bench_job", queue.replace("-", "_")
    return job(queue, Retry(max=1, interval=[1]))(bench).name


NAMES = {queue: register(queue) for queue in QUEUES}

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import worker

    worker.main(sys.argv[1:])
