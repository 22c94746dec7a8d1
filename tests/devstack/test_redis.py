"""The embedded Redis: fresh, again, after a kill, and with one owner."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis as Client

from devstack import DevstackError
from devstack.redis import Redis


def test_a_fresh_one_listens_on_its_private_socket_alone_and_never_drops_a_key(redis: Redis) -> None:
    redis.start()
    client = Client.from_url(redis.url)

    assert redis.answers()
    assert client.config_get("maxmemory-policy", "port", "appendonly", "save") == {
        "maxmemory-policy": "noeviction",
        "port": "0",
        "appendonly": "yes",
        "save": "",
    }
    assert redis.socket.stat().st_mode & 0o777 == 0o700


def test_what_was_written_outlives_a_stop_and_a_kill(redis: Redis, kill: Callable[..., None]) -> None:
    redis.start()
    Client.from_url(redis.url).set("kept", 7)
    redis.stop()
    redis.start()
    assert Client.from_url(redis.url).get("kept") == b"7"

    kill(redis)
    redis.start()
    assert Client.from_url(redis.url).get("kept") == b"7"


def test_a_second_owner_is_refused(redis: Redis, home: Path) -> None:
    redis.start()

    with pytest.raises(DevstackError, match="Another process runs the redis below"):
        Redis(home).start()


def test_one_that_outlived_its_owner_is_stopped_first(redis: Redis, home: Path) -> None:
    redis.start()
    Client.from_url(redis.url).set("kept", 7)
    assert redis._lock
    redis._lock.close()  # as the kernel does when the owner dies

    successor = Redis(home)
    successor.start()

    assert not redis.process.running()
    assert Client.from_url(successor.url).get("kept") == b"7"
    successor.remove()
    assert not (home / "redis").exists()
