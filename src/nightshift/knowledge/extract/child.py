"""Reads a file in a child process, so that a file that crashes or hangs its reader harms nothing else."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from nightshift.errors import PermanentError, TemporaryError
from nightshift.knowledge.extract.blocks import Block, Extracted

TIMEOUT_SECONDS = 120.0  # the slowest of 1,103 PDFs took 1.3 s, one of 1,000 pages 1.4
# glibc gives memory back after each page and asks for it again: 119,000 page faults for 1,000 pages in place of 6,000.
_KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_TOP_PAD_": str(16 << 20)}

_TOO_SLOW = "This file takes too long to read. Split it into smaller files and upload those."
_CRASHED = "This file could not be read: something in it breaks the reader. Save it again and upload that copy."
_OUT_OF_TIME = (signal.SIGXCPU, signal.SIGALRM)
_STOPPED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # a stop of the whole service reaches the child too


@contextmanager
def read(module: str, file: IO[bytes], timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[Extracted]:
    """What `module`'s `read(file)` finds, while a child finds it: it has no secrets, and limits on memory and time. The file
    is its stdin, from where the descriptor stands.

    The blocks raise PermanentError with the child's sentence, or for a crash, too little memory or a timeout; TemporaryError
    if the child could not start or was stopped. Take them without pause: the child's time runs while it waits. It is killed
    when the block ends, by an exception from a signal handler too.
    """
    command = [sys.executable, "-m", "nightshift.knowledge.extract.reader", module, str(timeout_seconds)]
    with subprocess.Popen(  # stderr could contain the customer's text
        command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
    ) as process:
        notes: list[str] = []
        try:
            yield Extracted(_blocks(process, notes), notes)
        finally:
            process.kill()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return kept | _KEEPS_MEMORY | {"LANG": "C.UTF-8"}


def _blocks(process: subprocess.Popen[bytes], notes: list[str]) -> Iterator[Block]:
    """The child's lines, see `reader`: the last one has the notes."""
    for line in process.stdout or ():
        if not line.endswith(b"\n"):
            break  # the child died
        found = json.loads(line)
        if isinstance(found, list):
            text, page, headings, columns = found
            yield Block(text, page, tuple(headings), columns)
        elif "error" in found:
            raise PermanentError(found["error"])
        else:
            notes += found["notes"]
            return
    raise _failure(process.wait())


def _failure(returncode: int) -> Exception:
    """The error for an exit code: minus the signal's number, or positive where Python itself failed."""
    if returncode > 0 or -returncode in _STOPPED:
        return TemporaryError("Reading the file was interrupted.")
    return PermanentError(_TOO_SLOW if -returncode in _OUT_OF_TIME else _CRASHED)
