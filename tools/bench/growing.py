"""What must not grow: another workspace's wait behind a crowd, a reconcile with what is stored."""

import statistics
from collections.abc import Callable
from functools import partial

import ours
from figures import Figure, compare
from filling import DOCUMENTS, MESSAGES, OUTBOX, PARTS, fill, tell_postgres
from harness import Servers, median_seconds, wait_until
from sending import kept, tenant, vendor

from runner.registry import QUEUES

CROWD = 10_000
FINISHED = 1_000_000


def passed(job: str, crowd: str, other: str, arrive: Callable[[], object]) -> int:
    """How many of the crowd's jobs end between the arrival of the other workspace's one and that one's end."""
    wait_until(lambda: ours.done(job, crowd) >= 50)
    before = ours.done(job, crowd)
    arrive()
    ours.dispatch(job, other)
    wait_until(lambda: ours.done(job, other), poll_seconds=0.005)
    return ours.done(job, crowd) - before


def documents_behind(servers: Servers) -> int:
    (crowd, agent), (other, other_agent) = tenant(), tenant()
    values = dict(job=ours.DOCUMENT_JOB, lane=None, state="pending", status="PENDING")
    fill_documents = partial(fill, DOCUMENTS, PARTS, OUTBOX, **values)
    fill_documents(prefix="doc_many", workspace=crowd, agent=agent, count=CROWD)
    one_more = partial(fill_documents, prefix="doc_late", workspace=other, agent=other_agent, count=1)
    with ours.workers(servers, ["ingestion"]):
        return passed(ours.DOCUMENT_JOB, crowd, other, one_more)


def messages_behind(servers: Servers) -> int:
    values = dict(job=ours.MESSAGE_JOB, lane="TELEGRAM/many", state="pending")
    with vendor() as tell:
        crowd, agent = tenant()
        other = kept(tell, 1, 1)
        fill(MESSAGES, OUTBOX, prefix="msg_many", workspace=crowd, agent=agent, count=CROWD, **values)
        with ours.workers(servers, ["webhook-retry"]):
            return passed(ours.MESSAGE_JOB, crowd, other, partial(ours.make_due, ours.MESSAGE_JOB))


def fairness(name: str, behind: int, queue: str) -> Figure:
    """At most the jobs that run, and those that were dispatched before it."""
    slots = QUEUES[queue].workers
    return compare(f"{name}: of a crowd of 10,000 ended meanwhile, against a round", behind, slots, "jobs", "<= 2")


def reconciling() -> Figure:
    """A reconcile with nothing to do, when nothing is stored and when a million rows are finished."""
    crowds = ("outbox", "messages", "documents")
    tell_postgres(*(f"DELETE FROM {table}" for table in crowds), "VACUUM ANALYZE outbox")
    empty = statistics.median(median_seconds(ours.reconcile, 15) for _ in range(3))
    fill(OUTBOX, prefix="old", workspace=tenant()[0], count=FINISHED, job=ours.DOCUMENT_JOB, state="done", lane=None)
    tell_postgres("VACUUM ANALYZE outbox")
    full = statistics.median(median_seconds(ours.reconcile, 15) for _ in range(3))
    tell_postgres("DELETE FROM outbox")
    return compare("a sweep beside 1,000,000 finished rows, against none", full * 1000, empty * 1000, "ms", "<= 1.5")


def measure(servers: Servers) -> list[Figure]:
    return [
        fairness("a document", documents_behind(servers), "ingestion"),
        fairness("a message", messages_behind(servers), "webhook-retry"),
        reconciling(),
    ]
