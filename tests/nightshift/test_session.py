"""A process that stops in the middle of a transaction must not hold up the others."""

import uuid
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from nightshift.db import connection as connections
from nightshift.db import session

TAKE = text("SELECT pg_advisory_xact_lock(4711)")


def test_who_falls_silent_inside_a_transaction_loses_its_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a process that holds a lock and says nothing more
    silent, other = session._pool(), session._pool()
    with other.connect() as waiting:
        waiting.execute(text("SET lock_timeout = '60s'"))  # bounds a hang
        monkeypatch.setattr(connections, "IDLE_IN_TRANSACTION_SECONDS", 1)
        with silent.connect() as stopped:
            stopped.execute(TAKE)
            # When another needs the lock, it gets it
            waiting.execute(TAKE)
            # Then what the first one had begun is gone
            with pytest.raises(OperationalError):
                stopped.execute(text("SELECT 1"))
            stopped.invalidate()
    silent.dispose()
    other.dispose()


def test_the_options_of_the_url_and_ours_both_count(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{servers['DATABASE_URL']}&options=-csearch_path%3Dapp%20-c%20work_mem%3D5MB"
    ours = replace(connections.settings(), database_url=url)
    monkeypatch.setattr(connections, "settings", lambda: ours)
    pool = session._pool()
    with pool.connect() as connection:
        shown = [connection.scalar(text(f"SHOW {name}")) for name in ("search_path", "work_mem", "timezone")]
    pool.dispose()
    assert shown == ["app", "5MB", "UTC"]


def test_a_statement_prepared_before_a_migration_still_runs_after_it() -> None:
    table = f"migrated_{uuid.uuid4().hex}"
    everything = f"SELECT * FROM {table}"
    _run(f"CREATE TABLE {table} AS SELECT 1 AS one")
    assert [tuple(row) for row in session.statement(everything)] == [(1,)]
    _run(f"ALTER TABLE {table} ADD two integer DEFAULT 2")
    assert [tuple(row) for row in session.statement(everything)] == [(1, 2)]
    _run(f"DROP TABLE {table}")


def test_where_a_pooler_has_lent_another_session_a_statement_runs_unprepared_on_that_connection_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session.engine().dispose()  # one connection, whatever the tests before needed
    query = f"SELECT %(a)s::int + 1 AS sum, '{uuid.uuid4().hex}' AS own"
    assert session.statement(query, a=1)[0].sum == 2
    pool: Any = session.engine().pool
    pooled = [pool.connect() for _ in range(pool.checkedin())]
    for connection in pooled:
        connection.cursor().execute("DEALLOCATE ALL")
        connection.commit()
    for connection in pooled:
        connection.close()
    calls, execute = list[str](), session._execute

    def counted(prefix: str, *rest: Any, **how: Any) -> list[Any]:
        calls.append(prefix)
        return execute(prefix, *rest, **how)

    monkeypatch.setattr(session, "_execute", counted)
    for each in range(len(pooled) * 4):
        assert session.statement(query, a=each)[0].sum == each + 1
    assert len(calls) < len(pooled) * 8, "each connection finds out, once"
    session.engine().dispose()
    assert session.statement(query, a=2)[0].sum == 3
    assert _prepared(query)


def test_a_pooler_that_ignores_the_session_settings_is_used_as_one_that_refuses_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = connections.connect_arguments()
    with closing(connections.connect()) as direct:
        assert not isinstance(direct, connections.Pooled)
    monkeypatch.setattr(connections, "connect_arguments", lambda: {**arguments, "options": ""})
    with closing(connections.connect()) as ignored:
        assert isinstance(ignored, connections.Pooled)


def test_what_is_executed_in_a_session_belongs_to_its_transaction_unless_it_is_all_of_it() -> None:
    table = f"executed_{uuid.uuid4().hex}"
    _run(f"CREATE TABLE {table} (id integer)")
    insert = f"INSERT INTO {table} VALUES (%(id)s) RETURNING id"
    with pytest.raises(ZeroDivisionError), session.transaction() as open_session:
        assert session.execute(open_session, insert, f"SELECT count(*) FROM {table}", id=1)[0].count == 1
        session.execute(open_session, insert, id=2, alone=True)
        raise ZeroDivisionError
    with session.transaction() as open_session:
        assert session.execute(open_session, insert, id=3, alone=True)[0].id == 3
        assert [row.id for row in session.statement(f"SELECT id FROM {table}")] == [3]
    _run(f"DROP TABLE {table}")


def test_a_session_whose_prepared_statements_are_gone_counts_as_away_once() -> None:
    session.engine().dispose()
    query = f"SELECT %(a)s::int + 1 AS sum, '{uuid.uuid4().hex}' AS own"

    def summed() -> int:
        with session.transaction() as open_session:
            return int(session.execute(open_session, query, a=1)[0].sum)

    assert summed() == 2
    _run("DEALLOCATE ALL")
    with pytest.raises(session.DISCONNECTED):
        summed()
    assert summed() == 2


def _prepared(query: str) -> bool:
    """Whether the statement is prepared in the session that comes next."""
    name = session._preparation(query)[0]
    return bool(session.statement(f"SELECT FROM pg_prepared_statements WHERE name = '{name}'"))


def _run(sql: str) -> None:
    with session.transaction() as open_session:
        open_session.execute(text(sql))
