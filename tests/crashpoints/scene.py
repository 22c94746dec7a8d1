"""What the cases share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightshift import workspaces
from nightshift.db.session import statement, transaction

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A job, and a fresh row for it.

    `prepare(number)` owes it, under a name made of a number that no other has: its workspace_id, and what
    `check(row, delivered texts)` needs to name all that differs from one effect. `here(row)`: run by this, in place of a
    worker. `may_repeat`: the vendor knows no key, so that who was stopped just before a call sends that once more.
    `first_status`: with it the vendor refuses the first request.
    """

    job: str
    prepare: Callable[[int], Row]
    check: Callable[[Row, list[str]], list[str]]
    here: Callable[[Row], None] | None = None
    may_repeat: bool = False
    first_status: int | None = None


def workspace() -> Row:
    """A new one and its agent."""
    with transaction() as session:
        made, agent, _ = workspaces.create(session, "Crashing", "owner@example.com", 1000, 100)
        return {"workspace_id": made.id, "agent_id": agent.id}


def count(query: str, **values: Any) -> int:
    """The one number that a query gives."""
    return int(statement(query, **values)[0][0])


def told(event: str, row: Row) -> int:
    """How often the workspace was told of this event."""
    query = "SELECT count(*) FROM events WHERE workspace_id = %(workspace)s AND name = %(event)s"
    return count(query, workspace=row["workspace_id"], event=event)
