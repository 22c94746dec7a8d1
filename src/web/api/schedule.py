"""The schedule, for the operator: entries with their slots, and running one by hand."""

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from runner.operations import schedule
from web.error_responses import Problem, ProblemDetails, invalid, not_found
from web.response_models import Count, Page, ResponseModel, Time
from web.routing import route


class Slot(ResponseModel):
    """A time at which an entry was due. `id`, `state`: of the row that it enqueued, null where there is none."""

    at: Time
    id: str
    state: Literal["pending", "dispatched", "running", "blocked", "done", "failed"] | None
    runs: Count
    error: str | None
    updated_at: Time | None


class Entry(ResponseModel):
    """`last`: the newest slots first."""

    name: str
    cron: str
    job: str
    queue: str
    next: Time
    last: list[Slot]


@route("GET", "/v1/schedule", {200: Page[Entry]}, access="operator")
def listed(session: Session) -> dict[str, Any]:
    """The entries of the schedule, their next and their last slots."""
    entries = [Entry.of(entry, last=[_slot(slot) for slot in entry.last]) for entry in schedule.entries(session)]
    return {"items": entries, "next_cursor": None}


@route("POST", "/v1/schedule/<entry>/<slot>", {202: Slot, 409: ProblemDetails}, access="operator")
def run(session: Session, entry: str, slot: str) -> Slot:
    """Run a slot, again too (409: it is running)."""
    try:
        moment = datetime.fromisoformat(slot)
    except ValueError:
        raise not_found() from None
    try:
        return _slot(schedule.run(session, entry, moment if moment.tzinfo else moment.replace(tzinfo=UTC)))
    except LookupError:
        raise not_found() from None
    except ValueError as error:
        raise invalid("slot", str(error).removeprefix("slot: ")) from None
    except RuntimeError as error:
        raise Problem(409, str(error)) from None


def _slot(slot: schedule.Slot) -> Slot:
    return Slot.of(slot, id=slot.row_id)
