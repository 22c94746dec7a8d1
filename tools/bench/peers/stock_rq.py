"""RQ as it comes out of the box, doing empty jobs: `python stock_rq.py <Redis URL> <workers> <jobs>`.

It fills the queue and prints "added". After a line on stdin it forks that many SimpleWorkers, each of which ends when the
queue is empty, and prints how many seconds all jobs took. Nothing of ours is imported: it would change RQ's serializer.
"""

import os
import sys
import time

from redis import Redis
from rq import Queue, SimpleWorker

QUEUE = "stock"


def empty(row: int) -> None:
    """What the job does."""


def fork_worker(url: str) -> int:
    pid = os.fork()
    if not pid:
        SimpleWorker([QUEUE], connection=Redis.from_url(url)).work(burst=True, logging_level="ERROR")
        os._exit(0)
    return pid


def main(url: str, workers: int, jobs: int) -> None:
    with Redis.from_url(url) as connection:
        data = [Queue.prepare_data("stock_rq.empty", args=(row,)) for row in range(jobs)]
        Queue(QUEUE, connection=connection).enqueue_many(data)
    print("added", flush=True)
    sys.stdin.readline()
    begun = time.perf_counter()
    for pid in [fork_worker(url) for _ in range(workers)]:
        os.waitpid(pid, 0)
    print(time.perf_counter() - begun, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
