"""FAILED rows that are enqueued again leave RQ's list of failed jobs."""

import uuid
from collections.abc import Iterator

import pytest

import jobs
from runner import failed
from runner.connection import redis
from runner.registry import JOBS, job_id

assert jobs
EMAIL = JOBS["email.send"]
REGISTRY = "rq:failed:email"


@pytest.fixture
def row_id() -> Iterator[str]:
    row_id = f"mail_{uuid.uuid4().hex}"
    yield row_id
    redis().zrem(REGISTRY, *names(row_id, 1, 2, 3))


def names(row_id: str, *generations: int) -> list[str]:
    return [job_id(EMAIL.name, row_id, generation) for generation in generations]


def test_one_that_has_failed_again_meanwhile_stays_listed(servers: dict[str, str], row_id: str) -> None:
    old, again = names(row_id, 1, 2), names(row_id, 3)
    redis().zadd(REGISTRY, dict.fromkeys([*old, *again], 4e9))
    failed._forget(EMAIL, row_id, 2)
    listed = {name.decode() for name in redis().zrange(REGISTRY, 0, -1)}
    assert listed.isdisjoint(old) and listed.issuperset(again)
