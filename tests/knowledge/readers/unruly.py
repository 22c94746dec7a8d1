"""A reader that misbehaves as the first line of its file says, for the tests of the child process; the second one is the
directory in which it says that it runs."""

import io
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from nightshift.knowledge.extract.blocks import Block, Extracted


class Panic(BaseException):
    """The exception of a reader written in Rust."""


def read(file: IO[bytes]) -> Extracted:
    deed, home = file.read().decode().split("\n")
    if deed.startswith("first "):
        return Extracted(_first(f"{deed.removeprefix('first ')}\n{home}"))
    Path(home, "pid").write_text(str(os.getpid()))
    if deed == "hang":
        time.sleep(60)
    if deed == "spin":
        while True:
            pass
    if deed == "eat":
        bytearray(3 * 1024**3)
    if deed == "panic":
        raise Panic
    if deed == "talk":
        print("a customer's text", file=sys.stderr)
    if deed == "environment":
        return Extracted([Block(",".join(sorted(os.environ)))])
    if deed == "limits":
        return Extracted(
            [Block(f"{resource.getrlimit(resource.RLIMIT_CPU)} {resource.getrlimit(resource.RLIMIT_CORE)}")]
        )
    if deed == "long":
        return Extracted([Block("x" * 20_000_001)])
    if deed in ("SIGTERM", "SIGINT", "SIGHUP"):  # ignored where a shell put the whole run into the background
        signal.signal(getattr(signal, deed), signal.SIG_DFL)
    if deed == "exit":
        os._exit(0)
    if deed.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, deed))
    return Extracted([Block(deed, page=2, headings=("A", "B"))], ["a note"])


def _first(then: str) -> Iterator[Block]:
    """A block that is written out, then another one."""
    yield Block("first " * 10_000)
    yield from read(io.BytesIO(then.encode())).blocks
