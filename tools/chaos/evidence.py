"""What a run leaves to be checked: what was accepted, what arrived, what the database holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from client import Client
from machine import Machine
from vendors import Delivery, Vendors


class Lane(NamedTuple):
    workspace: int  # which of the run's workspaces
    channel: str
    customer: str


@dataclass
class Accepted:
    """What the load was promised: every 200, 201 and 202. Each dict maps the number in a text's tag to the answer for it."""

    documents: dict[int, tuple[str, int, int]] = field(default_factory=dict)  # id, paragraphs, workspace
    removed: dict[int, str] = field(default_factory=dict)  # id
    messages: dict[int, tuple[str, Lane, int]] = field(default_factory=dict)  # id, lane, parts
    handoffs: dict[int, tuple[str, int]] = field(default_factory=dict)  # id, workspace
    invoices: dict[int, str] = field(default_factory=dict)  # id
    inbound: dict[int, tuple[str, int]] = field(default_factory=dict)  # id, workspace
    usages: dict[int, tuple[int, str]] = field(default_factory=dict)  # credits used, workspace id
    reingests: Counter[str] = field(default_factory=Counter)  # document id: how often
    requests: int = 0
    repeated: int = 0  # of these, sent again because no good answer came


@dataclass(frozen=True)
class Evidence:
    """`retried`: ids of rows that were FAILED and were retried when the faults were over, so out of order. `failed`: the copies
    that did not arrive though their vendor had taken them, as it reported."""

    machine: Machine
    vendors: Vendors
    accepted: Accepted
    clients: Sequence[Client]
    retried: frozenset[str]
    failed: set[Delivery]
