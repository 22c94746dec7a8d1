"""Unix sockets, asked plainly."""

from __future__ import annotations

import socket
from pathlib import Path

TIMEOUT_SECONDS = 1.0


def connects(path: Path) -> bool:
    """Whether somebody listens there."""
    return ask(path, b"") is not None


def ask(path: Path, line: bytes) -> bytes | None:
    """The beginning of the answer to `line`; b"" where nothing was asked or answered, None where nobody listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_SECONDS)
        try:
            connection.connect(str(path))
        except OSError:
            return None
        try:
            connection.sendall(line)
            return connection.recv(256) if line else b""
        except OSError:
            return b""
