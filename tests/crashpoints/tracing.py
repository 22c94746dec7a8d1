"""Numbers the moments before and after each SQL statement, each commit and each call to a vendor, and at one of them dies
or stops.

Found by tracing at the edge of the libraries that everything goes through: psycopg2's connection and cursor, urllib3's
connection, the HTTP client below openai. Redis is left out.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

import httpx2
import psycopg2
import psycopg2.extensions
import urllib3.connection


class Trace:
    """`points`: what was passed so far. At number `at` (the first is 1; 0: never) the process sends itself `signum`."""

    def __init__(self) -> None:
        self.points: list[str] = []
        self.at = 0
        self.signum = int(signal.SIGKILL)
        self.on = False

    def point(self, place: str) -> None:
        if self.on:
            self.points.append(place)
            if len(self.points) == self.at:
                os.kill(os.getpid(), self.signum)

    def around(self, name: str, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
        self.point(f"before {name}")
        result = act(*args, **options)
        self.point(f"after {name}")
        return result


trace = Trace()


class _Cursor(psycopg2.extensions.cursor):
    def execute(self, query: Any, *args: Any) -> Any:
        if str(query).startswith(("PREPARE", "SELECT clock_timestamp()")):  # no effect; the latter after a slow second
            return super().execute(query, *args)
        return trace.around(_short(query), super().execute, query, *args)

    def copy_expert(self, query: Any, *args: Any, **options: Any) -> Any:
        return trace.around(_short(query), super().copy_expert, query, *args, **options)


class _Connection(psycopg2.extensions.connection):
    def cursor(self, *args: Any, **options: Any) -> Any:
        return super().cursor(*args, **{"cursor_factory": _Cursor, **options})

    def commit(self) -> None:
        trace.around("COMMIT", super().commit)


def install() -> None:
    """Before the first connection of this process."""
    connect, call = psycopg2.connect, httpx2.Client.send
    psycopg2.connect = lambda *args, **options: connect(*args, connection_factory=_Connection, **options)
    _trace_urllib3(urllib3.connection.HTTPConnection)
    httpx2.Client.send = lambda self, request, **options: trace.around(
        f"POST {request.url.path}", call, self, request, **options
    )


def _trace_urllib3(connection: Any) -> None:
    ask, respond = connection.request, connection.getresponse

    def request(self: Any, method: str, url: str, *args: Any, **options: Any) -> None:
        self.traced = f"{method} {url}"
        trace.point(f"before {self.traced}")
        ask(self, method, url, *args, **options)

    def getresponse(self: Any) -> Any:
        response = respond(self)
        trace.point(f"after {self.traced}")
        return response

    connection.request, connection.getresponse = request, getresponse


def _short(query: Any) -> str:
    """The first words of a statement, enough to find it by."""
    text = query.decode(errors="replace") if isinstance(query, bytes) else str(query)
    return " ".join(text.split())[:60]
