"""A Redis that is a replica now: what is open to it is closed, for the address leads elsewhere. One that does not answer: a
connection keeps its timeout, whoever else uses its pool."""

import os
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import pytest
from gate import Gate
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeout
from rq import Worker

from devstack.redis import Redis
from nightshift.settings import settings
from runner import connection


@pytest.fixture
def pair() -> Iterator[list[Redis]]:
    """Two servers."""
    with ExitStack() as stack:
        homes = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nightshift-test-"))) for _ in range(2)]
        servers = [Redis(home) for home in homes]
        for server in servers:
            server.start()
            stack.callback(server.stop)
        yield servers


def test_a_demoted_primary_whose_connections_live_is_left(pair: list[Redis], monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two pools with open connections to one address
    old, new = (connection.Redis.from_url(server.url) for server in pair)
    gate = Gate(str(pair[0].socket))
    config = type("Settings", (), {"redis_url": f"redis://127.0.0.1:{gate.port}/0"})
    monkeypatch.setattr(connection, "settings", lambda: config)
    writer, reader, waiter = (connection.connect(5) for _ in range(3))
    for each in (writer, reader, waiter):
        assert each.ping()
    # When its server becomes a replica, and the address leads to another one
    old.replicaof("127.0.0.1", "1")
    gate.target = str(pair[1].socket)
    new.set("where", "new")
    # Then a write fails once, whichever way it is sent, and everyone is at the new one
    with pytest.raises(RedisConnectionError), writer.pipeline() as pipe:
        pipe.get("where")
        pipe.set("a", 1)
        pipe.execute()
    assert writer.set("a", 1) and new.get("a") == b"1"
    assert reader.get("where") == b"new"
    gate.close()
    assert settings().redis_url


def test_who_waits_for_a_job_when_it_is_demoted_is_told(pair: list[Redis], monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (connection.Redis.from_url(server.url) for server in pair)
    gate = Gate(str(pair[0].socket))
    config = type("Settings", (), {"redis_url": f"redis://127.0.0.1:{gate.port}/0"})
    monkeypatch.setattr(connection, "settings", lambda: config)
    waiter = connection.connect(30)

    def demote() -> None:
        gate.target = str(pair[1].socket)
        old.replicaof("127.0.0.1", "1")

    Timer(0.3, demote).start()
    new.rpush("queue", "job")
    with pytest.raises(RedisConnectionError):
        waiter.blpop(["queue"], 20)
    assert waiter.blpop(["queue"], 20) == (b"queue", b"job")
    gate.close()


def test_a_pool_that_rq_made_workers_with_still_gives_up_after_its_own_time(
    pair: list[Redis], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "settings", lambda: type("Settings", (), {"redis_url": pair[0].url}))
    pool = connection.connect(0.2)
    Worker(["email"], connection=pool)  # as rq-dashboard makes one for each that it lists
    process_id = pool.info("server")["process_id"]
    os.kill(process_id, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        try:
            with pytest.raises(RedisTimeout):
                threads.submit(pool.ping).result(60)
        finally:
            os.kill(process_id, signal.SIGCONT)
