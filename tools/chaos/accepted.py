"""What the load was promised: every 200, 201 and 202, by the numbers that stand in the tags of its texts."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple


class Lane(NamedTuple):
    workspace: int  # which of the run's workspaces
    channel: str
    customer: str


@dataclass
class Accepted:
    """Each dict maps a number to what was answered for it."""

    documents: dict[int, tuple[str, int, int]] = field(default_factory=dict)  # id, paragraphs, workspace
    removed: dict[int, str] = field(default_factory=dict)  # id
    messages: dict[int, tuple[str, Lane, int]] = field(default_factory=dict)  # id, lane, parts
    handoffs: dict[int, tuple[str, int]] = field(default_factory=dict)  # id, workspace
    invoices: dict[int, str] = field(default_factory=dict)  # id
    inbound: dict[int, tuple[str, int]] = field(default_factory=dict)  # id, workspace
    usages: dict[int, tuple[int, str]] = field(default_factory=dict)  # credits taken, workspace id
    reingests: Counter[str] = field(default_factory=Counter)  # document id: how often
    asked: int = 0  # requests sent
    repeated: int = 0  # those sent again, because no good answer came
