"""Reads a file in a child process, so that a file that crashes or hangs its reader harms nothing else."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from nightshift.errors import PermanentError, TemporaryError
from nightshift.knowledge.extract.blocks import Block, Extracted

TIMEOUT_SECONDS = 120.0  # the slowest of 1,103 PDFs took 1.3 s, one of 1,000 pages 1.4

_TOO_SLOW = "This file takes too long to read. Split it into smaller files and upload those."
_CRASHED = "This file could not be read: something in it breaks the reader. Save it again and upload that copy."
_OUT_OF_TIME = (signal.SIGXCPU, signal.SIGALRM)
_STOPPED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # a stop of the whole service reaches the child too


def read(module: str, path: Path, timeout_seconds: float = TIMEOUT_SECONDS) -> Extracted:
    """The result of `module`'s `read(path)`, run in a child without secrets and with limits on memory and time.

    Raises PermanentError with the child's sentence, or for a crash, too little memory or a timeout; TemporaryError if the
    child could not start or was stopped. An exception here, also from a signal handler, kills the child.
    """
    command = [sys.executable, "-m", "nightshift.knowledge.extract.reader", module, str(path), str(timeout_seconds)]
    try:
        done = subprocess.run(  # stderr could contain the customer's text
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PermanentError(_TOO_SLOW) from None
    if done.returncode:
        raise _failure(done.returncode)
    return _parse(done.stdout)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | {"LANG": "C.UTF-8"}


def _failure(returncode: int) -> Exception:
    """The error for an exit code: minus the signal's number, or positive where Python itself failed."""
    if returncode > 0 or -returncode in _STOPPED:
        return TemporaryError("Reading the file was interrupted.")
    return PermanentError(_TOO_SLOW if -returncode in _OUT_OF_TIME else _CRASHED)


def _parse(answer: bytes) -> Extracted:
    found = json.loads(answer)
    if "error" in found:
        raise PermanentError(found["error"])
    blocks = [Block(text, page, tuple(headings), columns) for text, page, headings, columns in found["blocks"]]
    return Extracted(blocks, found["notes"])
