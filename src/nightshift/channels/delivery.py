"""What became of a message after the vendor accepted it: its status and its delivery, from what is known of its copies.

A copy is one part that one attempt brought to the vendor. A part may have several, where an answer was lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from nightshift import clock, dirty_days, events, outbox
from nightshift.channels import CHANNELS
from nightshift.channels.accounts import JOB
from nightshift.channels.split import split
from nightshift.db.models import Delivery, Message, MessageAttempt, Outbox
from nightshift.db.session import transaction
from nightshift.errors import BadCredential, NightshiftError, PermanentError, TemporaryError
from nightshift.outbox import Lease

RANKS = ("accepted", "failed", "delivered", "read")  # a later one is true whatever else is reported
FAILED = "failed"
ERRORS = {kind.__name__: kind for kind in (TemporaryError, PermanentError, BadCredential)}


@dataclass(frozen=True)
class Standing:
    """`ids`: of each part, the vendor's id of a copy that it has; None where it has none. `failures`: the copies that failed,
    of parts without another one. `state`, `at`: of the message, which is only as far as its last part."""

    ids: list[str | None]
    failures: list[Delivery]
    state: str
    at: datetime | None


def settle(session: Session, message_id: str, lease: Lease | None = None) -> None:
    """Have the message show what is known of its copies.

    It is SENT once the vendor has all of its parts. After a failure that nobody has counted yet it runs again at once; under
    `lease`, in that run, this raises the failure as its error. Without a lease, what is running is left to its end.
    """
    row = select(Outbox.state).where(Outbox.job == JOB, Outbox.row_id == message_id)
    state = session.scalar(row.with_for_update())  # first the outbox row, then the message: the order of every run
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None or (state == "running" and lease is None):
        return
    copies = _copies(session, message_id)
    now = standing(message, copies)
    failure = _uncounted(message, now.failures)
    if failure is None:
        _record(session, message, copies, now)
        _show(session, message, now, lease)
    elif lease is None:
        outbox.reopen(session, JOB, message_id)
    else:
        raise _error(failure)


def settle_run(lease: Lease) -> None:
    """The same at the beginning of a run, before it sends anything. Raises the error of a failure, and LeaseLost."""
    with transaction() as session:
        lease.fence(session)
        settle(session, lease.row_id, lease)


def failed(session: Session, message: Message) -> None:
    """A run ended with the error that `settle` raised: what has failed of the message is to be sent again."""
    copies = _copies(session, message.id)
    now = standing(message, copies)
    message.delivery_state = FAILED
    message.delivery_at = max((copy.at for copy in now.failures), default=clock.now())
    _record(session, message, copies, now)


def standing(message: Message, copies: Sequence[Delivery]) -> Standing:
    """What the copies of a message add up to."""
    ids: list[str | None] = []
    parts: list[Delivery] = []
    failures: list[Delivery] = []
    for number in range(len(split(message.content, CHANNELS[message.channel_type].limit))):
        known = message.provider_ids[number] if number < len(message.provider_ids) else None
        mine = [copy for copy in copies if copy.part == number + 1]
        there = {copy.provider_id: copy for copy in mine if copy.state != FAILED}
        if there:
            ids.append(known if known in there else next(iter(there)))
            parts.append(max(there.values(), key=lambda copy: RANKS.index(copy.state)))
        else:
            ids.append(None if mine else known)
            failures += [copy for copy in mine if not copy.applied]
    reported = len(parts) == len(ids)
    state = min((copy.state for copy in parts), key=RANKS.index, default="accepted") if reported else "accepted"
    return Standing(ids, failures, state, max((copy.at for copy in parts if copy.state == state), default=None))


def _copies(session: Session, message_id: str) -> Sequence[Delivery]:
    mine = select(Delivery).where(Delivery.message_id == message_id).order_by(Delivery.provider_id)
    return session.scalars(mine.with_for_update().execution_options(populate_existing=True)).all()


def _uncounted(message: Message, failures: list[Delivery]) -> Delivery | None:
    """The failure that the message has to end or go on by. Not one of a message that is FAILED, nor a temporary one of an
    attempt whose answer was lost: that attempt has counted."""
    new = [f for f in failures if f.provider_id in message.provider_ids or f.error_kind != TemporaryError.__name__]
    new.sort(key=lambda failure: failure.error_kind == TemporaryError.__name__)
    return new[0] if new and message.status != "FAILED" else None


def _record(session: Session, message: Message, copies: Sequence[Delivery], now: Standing) -> None:
    """Keep the ids, and say of each attempt whose answer was lost what is known of it now."""
    for copy in copies:
        if not copy.applied and copy.provider_id not in message.provider_ids:
            mine = (MessageAttempt.message_id == message.id, MessageAttempt.generation == copy.generation)
            known = dict(outcome=FAILED if copy.state == FAILED else "sent", error=copy.error)
            session.execute(update(MessageAttempt).where(*mine, MessageAttempt.outcome == "unknown").values(known))
        copy.applied = True
    last = max((number for number, provider_id in enumerate(now.ids, 1) if provider_id is not None), default=0)
    message.provider_ids = now.ids[:last]


def _show(session: Session, message: Message, now: Standing, lease: Lease | None) -> None:
    """SENT where it is, and how far it got, each told once."""
    told: list[tuple[str, dict[str, Any]]] = []
    if message.status != "SENT" and None not in now.ids:
        message.status, message.error, message.updated_at = "SENT", None, clock.now()
        dirty_days.mark(session, message.created_at)
        told.append(("message_sent", {"messageId": message.id}))
        if lease:
            lease.finish(session)
        else:
            outbox.settle(session, JOB, message.id)
    if message.status == "SENT" and message.delivery_state != now.state:
        message.delivery_state, message.delivery_at = now.state, now.at or clock.now()
        if now.state != "accepted":
            told.append(("message_delivered", {"messageId": message.id, "state": now.state}))
    session.flush()
    for name, data in told:
        events.emit(session, message.workspace_id, name, data)


def _error(failure: Delivery) -> NightshiftError:
    error = ERRORS[failure.error_kind or PermanentError.__name__](failure.error or "")
    error.reported = failure.generation
    return error
