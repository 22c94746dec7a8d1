"""What a sweep gives back after a death, and what is not its business."""

from jobs.recover import release
from owed import lease_on

from nightshift.db.session import statement


def test_the_work_of_a_job_that_this_release_does_not_know_is_left_alone(servers: dict[str, str]) -> None:
    lease = lease_on("1")  # as a newer release's worker would hold it
    statement("UPDATE work SET lease_until = now() - interval '1 hour' WHERE job = %(job)s", job=lease.job)
    release()
    [row] = statement("SELECT lease_owner, state FROM work WHERE job = %(job)s", job=lease.job)
    assert tuple(row) == ("test", "pending")
    statement("DELETE FROM work WHERE job = %(job)s", job=lease.job)
