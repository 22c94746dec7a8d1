"""A reader that misbehaves as the first word of its file says, for the tests of the child process."""

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from nightshift.knowledge.extract.blocks import Block, Extracted


class Panic(BaseException):
    """The exception of a reader written in Rust."""


def read(path: Path) -> Extracted:
    deed = path.read_text()
    if deed.startswith("first "):
        return Extracted(_first(path, deed.removeprefix("first ")))
    path.with_name("pid").write_text(str(os.getpid()))
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


def _first(path: Path, deed: str) -> Iterator[Block]:
    """A block that is written out, then another one."""
    yield Block("first " * 10_000)
    path.with_name("then").write_text(deed)
    yield from read(path.with_name("then")).blocks
