"""All addresses of a name share one deadline."""

import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest

from nightshift import deadline
from nightshift.deadline import Deadline


def test_each_address_gets_an_equal_share_of_the_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [(socket.AF_INET, 0, 0, "", (f"127.0.0.{n}", 80)) for n in (1, 2, 3)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: addresses)
    granted: list[float] = []

    def refuse(address: Any, timeout: float, **_: Any) -> socket.socket:
        granted.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(deadline, "create_connection", refuse)
    connection: Any = SimpleNamespace(_dns_host="name", port=80, source_address=None, socket_options=None)
    connection.deadline = Deadline(time.monotonic() + 12)
    with pytest.raises(TimeoutError):
        deadline._connect(connection)
    assert [round(seconds) for seconds in granted] == [4, 6, 12], "of 12 s: a third, then half, then all that is left"
