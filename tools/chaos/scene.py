"""All there is to look at when it is quiet."""

from collections.abc import Sequence
from dataclasses import dataclass

from accepted import Accepted
from client import Client
from machine import Machine
from vendors import Vendors


@dataclass(frozen=True)
class Scene:
    """`replayed`: ids of what rested as failed and was done later, out of its turn."""

    machine: Machine
    vendors: Vendors
    accepted: Accepted
    clients: Sequence[Client]
    replayed: frozenset[str]
