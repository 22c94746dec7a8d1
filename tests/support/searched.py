"""All that the program writes down, to be searched for what it must not hold."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder import Recorder
from stack import Stack


def written_down(stack: Stack, vendors: Recorder) -> dict[str, str]:
    """Where it is written, and what: the processes' log, the servers' own, Sentry's envelopes."""
    home = Path(os.environ["REDIS_URL"].removeprefix("unix://").partition("?")[0]).parent.parent
    logs = [stack.log_path, *home.rglob("*.log")]
    assert len(logs) >= 3, "ours, Postgres', Redis'"
    envelopes = b"\n".join(request.body for request in vendors.asked("/envelope/"))
    written = {path.name: path.read_text(errors="replace") for path in logs}
    return written | {"Sentry": envelopes.decode(errors="replace")}


@contextmanager
def refusing(stack: Stack, word: str, **columns: str) -> Iterator[None]:
    """A database that refuses rows with `word` in these columns (table=column), and quotes them when it does."""
    for table, column in columns.items():
        check = f"CHECK (position('{word}' IN {column}::text) = 0) NOT VALID"
        stack.sql(f"ALTER TABLE {table} ADD CONSTRAINT refuses_a_word {check}")
    try:
        yield
    finally:
        for table in columns:
            stack.sql(f"ALTER TABLE {table} DROP CONSTRAINT refuses_a_word")


def raw(base_url: str, data: bytes) -> bytes:
    """The first bytes of the answer to bytes that need not be HTTP."""
    host, port = base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)
