"""`python bench_job.py <queue> ...` is worker.py with one more job on each queue, made for measuring.

BENCH_KIND says what the job does: 'post' to BENCH_URL, a server that takes 50 ms; 'empty'; 'stamp', which prints when it
began, in nanoseconds of the monotonic clock.
"""

import json
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

import bench_job
from rq import Retry

from jobs import registry
from jobs.attempt import attempt
from jobs.queues import QUEUES
from jobs.spec import JobSpec
from nightshift.http import post_trusted
from nightshift.work import Lease


def post(row_id: str) -> None:
    body, headers = json.dumps({"row": row_id}).encode(), {"Content-Type": "application/json"}
    answer = post_trusted(os.environ["BENCH_URL"], body, headers, max_bytes=1 << 16, deadline_seconds=10)
    assert answer.status == 200


def empty(row_id: str) -> None:
    pass


def stamp(row_id: str) -> None:
    print(time.monotonic_ns(), flush=True)


KINDS = {"post": post, "empty": empty, "stamp": stamp}


def work_on(lease: Lease) -> None:
    KINDS[os.environ["BENCH_KIND"]](lease.row_id)
    lease.finish_by("SELECT row_id FROM mine")


def run(row_id: str) -> None:
    attempt(SPECS[row_id.partition("_")[0]], row_id, bench_job.work_on)


def name_of(queue: str) -> str:
    return f"bench{queue.replace('-', '')}"


SPECS = {
    name_of(queue): JobSpec(name_of(queue), queue, Retry(max=1, interval=[1]), run, lambda *_: None, lambda *_: False)
    for queue in QUEUES
}
for spec in SPECS.values():
    registry.JOBS[spec.name] = registry.BY_PATH[spec.path] = spec

if __name__ == "__main__":
    import worker

    worker.main(sys.argv[1:])
