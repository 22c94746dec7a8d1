"""What is rescued after a death, and what is not touched."""

from dataclasses import replace

import pytest
from owed import lease_on

import jobs
from nightshift.db.session import statement
from runner import rescue as module
from runner.registry import JOBS
from runner.rescue import CRASHED, FREE_DEATHS, rescue

assert jobs
EXPIRE = "UPDATE outbox SET lease_until = now() - interval '1 hour' WHERE job = %(job)s"
DELETE = "DELETE FROM outbox WHERE job = %(job)s"


def test_the_row_of_a_job_that_this_release_does_not_know_is_left_alone(servers: dict[str, str]) -> None:
    lease = lease_on("1")  # as a newer release's worker would hold it
    statement(EXPIRE, job=lease.job)
    rescue()
    [row] = statement("SELECT lease_owner, state FROM outbox WHERE job = %(job)s", job=lease.job)
    assert tuple(row) == (lease.owner, "running")
    statement(DELETE, job=lease.job)


def test_two_deaths_cost_nothing_the_next_ones_count_and_the_last_one_fails_the_row(
    servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(module.reporting, "report", lambda *_, **__: None)
    lease, known = lease_on("1"), JOBS["email.send"]
    job = replace(known, name=lease.job, on_failure=lambda s, le, failure: seen.append(failure.sentence))
    monkeypatch.setitem(module.JOBS, lease.job, job)
    for _ in range(FREE_DEATHS + 1 + job.retry.max):
        again = "UPDATE outbox SET state = 'running', lease_owner = 'dead', failures = %(f)s WHERE job = %(job)s"
        [row] = statement("SELECT failures FROM outbox WHERE job = %(job)s", job=lease.job)
        statement(again, job=lease.job, f=row.failures)
        assert rescue("dead") == 1
    [row] = statement("SELECT state, deaths, failures, error FROM outbox WHERE job = %(job)s", job=lease.job)
    assert tuple(row) == ("failed", FREE_DEATHS + 4, 4, CRASHED)
    assert seen == [CRASHED] * 4
    statement(DELETE, job=lease.job)
