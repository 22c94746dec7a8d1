"""The operator's view of the whole: the verdict, a card for each queue, the figures."""

from typing import Any, Literal

from runner.operations import verdict
from web.api.pauses import Pause
from web.response_models import Count, ResponseModel, Time
from web.routing import route


class Verdict(ResponseModel):
    """`since`: as far as it is known. `cause` and `action`: one sentence each."""

    state: Literal["flowing", "slow", "failing", "paused", "stuck"]
    since: Time | None
    cause: str
    action: str


class Hour(ResponseModel):
    """What ended in the hour that began at `at`; the last one is not over."""

    at: Time
    done: Count
    failed: Count


class Counts(ResponseModel):
    """accepted = done + owed + failed, of all rows that are kept, in one snapshot."""

    accepted: Count
    done: Count
    owed: Count
    failed: Count


class Queue(Counts):
    """`depth`: rows that wait, of them `blocked` behind another one of their customer and `held` by a pause; `later`: rows that
    wait for their time. `workers`: null while Redis is away. Seconds: from due to done, of the last ones."""

    name: str
    depth: Count
    blocked: Count
    held: Count
    later: Count
    running: Count
    oldest_wait_seconds: float | None
    workers: Count | None
    paused: Pause | None
    done_last_hour: Count
    failed_last_hour: Count
    median_seconds: float | None
    p95_seconds: float | None
    hours: list[Hour]


class Operations(Counts):
    at: Time | None
    verdict: Verdict
    queues: list[Queue]


@route("GET", "/v1/operations", {200: Operations}, access="operator")
def show() -> dict[str, Any]:
    """How it stands: the verdict with one cause and one action, each queue, all that was accepted."""
    found = verdict.look()
    known = found.figures
    if known is None:  # the schema is of another release
        return {**dict.fromkeys(Counts.model_fields, 0), "at": None, "verdict": found.verdict, "queues": []}
    queues = [Queue.of(card, card.counts) for card in known.cards]
    return {**vars(known.counts), "at": known.at, "verdict": found.verdict, "queues": queues}
