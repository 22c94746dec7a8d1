"""How many rows are done is known exactly, though past hours are counted once."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from nightshift import outbox
from nightshift.db.session import statement, transaction
from nightshift.outbox import done

FILL = """
    INSERT INTO outbox (job, row_id, workspace_id, state, updated_at)
    SELECT %(job)s, 'row' || n, '', 'done', clock_timestamp() - n * interval '30 minutes' FROM generate_series(1, 20) AS n
"""


@pytest.fixture
def job(servers: dict[str, str]) -> Iterator[str]:
    job = f"test.{uuid.uuid4().hex}"
    yield job
    for table in ("outbox", "done_hours", "undone"):
        statement(f"DELETE FROM {table} WHERE job = %(job)s", job=job)


def counted(job: str) -> tuple[int, int]:
    """By the parts, and one by one."""
    with transaction() as session:
        by_parts = session.scalar(text(f"SELECT sum(number) FROM ({done.PARTS}) AS p WHERE job = :job"), {"job": job})
        rows = session.scalar(text("SELECT count(*) FROM outbox WHERE job = :job AND state = 'done'"), {"job": job})
    return int(by_parts or 0), int(rows or 0)


def test_what_ends_later_begins_again_or_is_deleted_is_counted_right(job: str) -> None:
    begins = statement(f"SELECT {done.UNTIL} AS at")[0].at
    statement("DELETE FROM done_hours")  # as on the first day: all hours are to be counted
    statement(FILL, job=job)
    assert counted(job) == (20, 20)
    done.count_hours()
    kept = statement("SELECT count(*) AS hours FROM done_hours WHERE job = %(job)s", job=job)[0].hours
    assert counted(job) == (20, 20) and 7 <= kept <= 9, (kept, begins)
    with transaction() as session:
        for row_id in ("row1", "row20"):  # of this hour, which nobody has counted, and of one that is counted
            outbox.enqueue(session, job, row_id, "")
        outbox.delete(session, job, "row19")
        outbox.settle(session, job, "row18")  # done, and again
    assert counted(job) == (17, 17)
    done.count_hours()
    assert counted(job) == (17, 17)
    statement("UPDATE outbox SET state = 'done', updated_at = clock_timestamp() WHERE job = %(job)s", job=job)
    assert counted(job) == (19, 19)
    done.count_hours()
    done.count_hours()
    assert counted(job) == (19, 19)
