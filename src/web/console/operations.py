"""Operations: what an operator sees of the whole installation, and does about it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from sqlalchemy.orm import Session

from nightshift.db.session import transaction
from runner import cron
from runner.operations import failed_work, queues, schedule, throughput, verdict
from runner.operations.cards import Card
from runner.operations.failed_work import Filters
from runner.registry import JOBS, QUEUES
from web.api import failed as api
from web.console import drills
from web.console.pages import Done, View, action, page
from web.error_responses import not_found
from web.request_parsing import Form, Line, Since, WithoutEmpty
from web.response_models import page as part
from web.routing import Access

HOME = "/console/operations"
OPERATOR: Access = "console-operator"
ERRORS = 10  # that are shown, the most frequent ones
FILTERS = tuple(api.Matching.model_fields)


class Matching(WithoutEmpty, api.Matching):
    """Which FAILED work; what is left out, or empty, restricts nothing. `until`: when those that are retried were counted."""

    until: Since | None = None

    def filters(self) -> Filters:
        return replace(super().filters(), until=self.until)


class FailedQuery(Matching, api.FailedQuery):
    limit: Annotated[int, Field(ge=1, le=200)] = 10


class RetryForm(Matching, Form):
    """The filters of the page that asked."""


class PauseForm(WithoutEmpty, Form):
    reason: Line = "Paused in the console."


class SlotForm(Form):
    slot: AwareDatetime


@page(HOME, title="Operations", order=10, access=OPERATOR)
def show(query: FailedQuery) -> View:
    """Whether work flows, each queue, what is FAILED, what starts by the clock."""
    now = verdict.look()
    if now.figures is None:
        return View("operations.html", dict(verdict=now.verdict))
    cards, filters = now.figures.cards, query.filters()
    data = dict(
        verdict=now.verdict, counts=now.figures.counts, hour=throughput.last_hour(), hours=throughput.last_hours(cards)
    )
    with transaction(durable=False) as session:
        found = failed_work.listed(session, filters, query.limit, query.cursor)  # type: ignore[arg-type]
        data |= dict(
            errors=[row._asdict() for row in failed_work.by_error(session, filters, ERRORS)],
            failed=part([api.shown(row) for row in found], query.limit, by="cursor"),
            entries=schedule.entries(session),
        )
    basis = data | dict(cards=[_plain(card) for card in cards])
    choices = dict(queues=_pairs(QUEUES), jobs=_pairs(JOBS), names=FILTERS)
    rest = dict(choices, grouped=failed_work.GROUPED, drills=drills.are_allowed())
    return View("operations.html", data | dict(cards=cards), rest, basis=basis)


@action(f"{HOME}/queues/<queue>/pause", access=OPERATOR)
def pause(session: Session, queue: str, form: PauseForm) -> Done:
    """Pause a queue."""
    queues.pause(session, _queue(queue), form.reason)
    return Done((f"{queue}: paused. What is accepted is kept; a job that runs goes on to its end.",))


@action(f"{HOME}/queues/<queue>/resume", access=OPERATOR)
def resume(session: Session, queue: str) -> Done:
    """Resume a queue."""
    was_paused = queues.resume(session, _queue(queue))
    return Done((f"{queue}: {'resumed' if was_paused else 'is not paused any more'}.",), is_error=not was_paused)


@page(f"{HOME}/retry", access=OPERATOR)
def ask(session: Session, query: Matching) -> View:
    """What a retry of all that match would do."""
    now = cron.now(session)
    preview = failed_work.preview(session, query.model_copy(update={"until": now}).filters())
    shown = dict(preview=preview, jobs=JOBS, until=now, names=FILTERS)
    return View("operations_retry.html", {}, shown, basis=())


@action(f"{HOME}/retry", access=OPERATOR)
def retry(session: Session, form: RetryForm) -> Done:
    """Retry all that match."""
    count = failed_work.retry_all(session, form.filters())
    if not count:
        return Done(("Nothing that is FAILED matches any more.",), HOME, is_error=True)
    return Done((f"{count:,} will be tried again, {failed_work.retries.PER_SECOND} a second.",), HOME)


@action(f"{HOME}/schedule/<entry>", access=OPERATOR)
def run(session: Session, entry: str, form: SlotForm) -> Done:
    """Run a slot, again too."""
    try:
        slot = schedule.run(session, entry, form.slot)
    except LookupError:
        raise not_found() from None
    except (ValueError, RuntimeError) as error:
        return Done((f"{entry}: {error}",), HOME, is_error=True)
    return Done((f"{entry}: {slot.row_id} runs now.",), HOME)


def _queue(name: str) -> str:
    if name not in QUEUES:
        raise not_found()
    return name


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """A choice of them, or of all, as a template takes it."""
    return [("", "All"), *((name, name) for name in names)]


def _plain(card: Card) -> dict[str, Any]:
    """Its data, but when they were read; of a pause, what is shown."""
    return vars(card) | {"at": None, "paused": card.paused and (card.paused.reason, card.paused.since)}
