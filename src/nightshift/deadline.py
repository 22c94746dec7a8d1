"""HTTP connections that end at a deadline, however slowly the other side sends."""

import io
import socket
import time
from http.client import CONTINUE, HTTPException, HTTPMessage, HTTPResponse
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import create_connection

SEND_BYTES = 16_384  # one TLS record: the size of a single write


class Deadline:
    """A moment on the clock of time.monotonic, and whether any byte was sent before it."""

    def __init__(self, ends: float = 0.0) -> None:
        self.restart(ends)

    def restart(self, ends: float) -> None:
        self.ends = ends
        self.sent = False

    def at_most(self, seconds: float) -> None:
        """From now on, if that is earlier."""
        self.ends = min(self.ends, time.monotonic() + seconds)

    def seconds_left(self) -> float:
        """More than 0. Raises TimeoutError after the deadline."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        return left


class FinalResponse(HTTPResponse):
    """The response after all interim ones: http.client reads past 100 alone, and would take a 103 for the answer.

    A POST has its answer once the status is there: headers that cannot be read, or break off, are left out with the body.
    """

    def begin(self) -> None:
        try:
            super().begin()
        except (OSError, HTTPException):
            if self._method != "POST" or not isinstance(self.status, int):  # type: ignore[attr-defined] # not in the stubs
                raise
            self.headers = self.msg = HTTPMessage()
            self.chunked, self.length, self.will_close = False, 0, True

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc] # not in the stubs
        return version, CONTINUE if 100 <= status < 200 else status, reason


class TimedHTTPConnection(HTTPConnection):
    """A connection whose connect, TLS handshake, reads and writes all raise a timeout at `deadline`.

    The timeout of requests and urllib3 restarts with every byte, so a server that drips its headers holds it forever.
    Name resolution is not covered, the resolver has its own timeout: 10 s for each name server (resolv.conf, man page).
    """

    deadline: Deadline
    response_class = FinalResponse

    def _new_conn(self) -> socket.socket:
        return _connect(self)

    def connect(self) -> None:
        self.timeout = self.deadline.seconds_left()
        super().connect()
        self.sock = cast(socket.socket, _TimedSocket(self.sock, self.deadline))


class TimedHTTPSConnection(TimedHTTPConnection, HTTPSConnection):
    pass


def apply_deadline(session: requests.Session, deadline: Deadline) -> None:
    """Make every connection of `session` end at `deadline`."""

    def timed(pool: type, connection: type[TimedHTTPConnection]) -> type:
        bound = type(connection.__name__, (connection,), {"deadline": deadline})
        return type(pool.__name__, (pool,), {"ConnectionCls": bound})

    pools = {
        "http": timed(HTTPConnectionPool, TimedHTTPConnection),
        "https": timed(HTTPSConnectionPool, TimedHTTPSConnection),
    }
    for adapter in session.adapters.values():
        cast(HTTPAdapter, adapter).poolmanager.pool_classes_by_scheme = pools


def _connect(connection: TimedHTTPConnection) -> socket.socket:
    """A socket to the first address of the host that accepts. Each address gets an equal share of the remaining time;
    urllib3 would give all of it to the first."""
    found = socket.getaddrinfo(connection._dns_host, connection.port, 0, socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for number, (*_, address) in enumerate(found):
        share = connection.deadline.seconds_left() / (len(found) - number)
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


class _TimedSocket:
    """A connected socket whose timeout is set to the remaining time before each read and write."""

    def __init__(self, sock: Any, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), SEND_BYTES):
            self._sock.settimeout(self._deadline.seconds_left())
            self._deadline.sent = True
            self._sock.sendall(data[start : start + SEND_BYTES])

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock, self._deadline))


class _TimedReader(io.RawIOBase):
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
