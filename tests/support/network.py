"""A network of the test's own, in which packets can be dropped: a network namespace, for the root of a Linux machine."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from programs import cannot_run, needs

CLONE_NEWNET = 0x40000000


@contextmanager
def own_network() -> Iterator[None]:
    """This thread, and all threads and processes that it starts, have a loopback interface and nothing else."""
    needs("ip", "nft", root=True)
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if libc.unshare(CLONE_NEWNET):
        cannot_run(f"needs a network namespace: {os.strerror(ctypes.get_errno())}")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(before)


@contextmanager
def dropped(*ports: int) -> Iterator[None]:
    """Every packet to and from these ports is lost."""
    chain = "{ type filter hook input priority 0; }"
    rules = [f"add rule inet cut input tcp {end} {port} drop\n" for port in ports for end in ("dport", "sport")]
    commands = f"add table inet cut\nadd chain inet cut input {chain}\n{''.join(rules)}"
    subprocess.run(["nft", "-f", "-"], input=commands.encode(), check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "cut"], check=True)
