"""Connections that end at a moment, however slowly the other side drips."""

import io
import socket
import time
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import create_connection

PIECE_BYTES = 16_384  # one TLS record: a write waits for one of these at a time


class Deadline:
    """A moment (time.monotonic) that may be set anew for each exchange, and whether anything was sent before it."""

    def __init__(self, ends: float = 0.0) -> None:
        self.ends = ends
        self.sent = False

    def seconds_left(self) -> float:
        """More than 0. Raises TimeoutError when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        return left


def keep_to(session: requests.Session, deadline: Deadline) -> None:
    """Every connect, TLS handshake, read and write of `session` ends at `deadline`, with a timeout.

    A timeout of requests starts anew with every byte: a server that drips its headers holds it for ever. Only the
    look-up of a name is outside, it is the resolver's: 10 s a name server by default (resolv.conf, man page).
    """

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, deadline)

        def connect(self) -> None:
            self.timeout = deadline.seconds_left()
            super().connect()
            self.sock = cast(socket.socket, _Clocked(self.sock, deadline))

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, deadline)

        def connect(self) -> None:
            self.timeout = deadline.seconds_left()
            super().connect()
            self.sock = cast(socket.socket, _Clocked(self.sock, deadline))

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    for adapter in session.adapters.values():
        cast(HTTPAdapter, adapter).poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _connected(connection: Any, deadline: Deadline) -> socket.socket:
    """A socket to the first of the name's addresses that answers; each has its share of the time that is left. (urllib3
    gives each of them all of it.)"""
    found = socket.getaddrinfo(connection._dns_host, connection.port, 0, socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for number, (*_, address) in enumerate(found):
        share = deadline.seconds_left() / (len(found) - number)
        try:
            return create_connection(
                (str(address[0]), int(address[1])),
                timeout=share,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    raise failure


class _Clocked:
    """A connected socket; before it waits, it is told how long it may."""

    def __init__(self, sock: Any, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            self._sock.settimeout(self._deadline.seconds_left())
            self._deadline.sent = True
            self._sock.sendall(data[start : start + PIECE_BYTES])

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._deadline))


class _Reader(io.RawIOBase):
    def __init__(self, sock: Any, deadline: Deadline) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.seconds_left())
        count: int | None = self._file.readinto(buffer)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
