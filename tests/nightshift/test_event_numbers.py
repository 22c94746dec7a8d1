"""Events are numbered in the order in which they commit, whoever writes them and however long that takes."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nightshift import events, workspaces
from nightshift.db.session import statement, transaction

WRITERS, EACH = 8, 12


@pytest.fixture
def workspace() -> str:
    with transaction() as session:
        return workspaces.create(session, "Numbers", "owner@example.com", 0, 0)[0].id


def write(workspace: str, times: int = 1) -> None:
    for _ in range(times):
        with transaction() as session:
            events.emit(session, workspace, "message_sent", {})
            time.sleep(random.choice([0, 0, 0.005]))


def read(workspace: str, after: int = 0) -> list[int]:
    with transaction() as session:
        return [event.seq for event in events.after(session, workspace, after)]


def test_who_reads_on_from_the_last_number_misses_none_and_gets_none_twice(workspace: str) -> None:
    seen: list[int] = []
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, workspace, EACH) for _ in range(WRITERS)]
        while not all(writer.done() for writer in writers):
            seen += read(workspace, seen[-1] if seen else 0)
    assert [writer.result() for writer in writers] == [None] * WRITERS
    assert seen + read(workspace, seen[-1]) == list(range(1, WRITERS * EACH + 1))


def test_what_is_rolled_back_leaves_no_gap(workspace: str) -> None:
    write(workspace)
    with pytest.raises(ZeroDivisionError), transaction() as session:
        events.emit(session, workspace, "message_sent", {})
        raise ZeroDivisionError
    write(workspace)
    assert read(workspace) == [1, 2]


def test_the_next_number_follows_the_last_one_also_after_a_year(workspace: str) -> None:
    write(workspace, 3)
    statement("UPDATE events SET created_at = now() - interval '1 year' WHERE workspace_id = %(w)s", w=workspace)
    with transaction() as session:
        events.prune(session)
        assert events.newest(session, workspace) == 3
    assert read(workspace) == []
    write(workspace)
    assert read(workspace) == read(workspace, 3) == [4]
    statement("DELETE FROM workspaces WHERE id = %(w)s", w=workspace)
    assert read(workspace) == []
