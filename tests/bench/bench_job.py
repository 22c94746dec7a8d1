"""A job for measuring: one POST to a 50 ms server under a row's lease, as a message or a mail will be.

`python bench_job.py <queue> ...` is worker.py with this job registered for each queue.
"""

import json
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

import bench_job
from jobs.attempt import attempt
from jobs.spec import JobSpec
from nightshift.work import Lease
from rq import Retry

from jobs import registry
from jobs.queues import QUEUES
from nightshift.http import post_trusted


def post(lease: Lease) -> None:
    body, headers = json.dumps({"row": lease.row_id}).encode(), {"Content-Type": "application/json"}
    answer = post_trusted(os.environ["BENCH_URL"], body, headers, max_bytes=1 << 16, deadline_seconds=10)
    assert answer.status == 200
    lease.finish_by("SELECT row_id FROM mine")


def run(row_id: str) -> None:
    attempt(SPECS[row_id.partition("_")[0]], row_id, bench_job.post)


def name_of(queue: str) -> str:
    return f"bench{queue.replace('-', '')}"


SPECS = {
    name_of(queue): JobSpec(name_of(queue), queue, Retry(max=1, interval=[1]), run, lambda *_: None, lambda *_: False)
    for queue in QUEUES
}


def register() -> None:
    for spec in bench_job.SPECS.values():
        registry.JOBS[spec.name] = spec
        registry.BY_PATH[spec.path] = spec


if __name__ == "__main__":
    import worker

    register()
    worker.main(sys.argv[1:])
