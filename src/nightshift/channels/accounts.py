"""A workspace's accounts with vendors: credentials sealed to their row, refused ones, holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from nightshift import clock, sealing
from nightshift.channels import CHANNELS
from nightshift.db.models import ChannelAccount
from nightshift.db.session import transaction
from nightshift.errors import PermanentError
from nightshift.judging import LONGEST_WAIT_SECONDS, wait_seconds

JOB = "retry_send"

# What of the account is due before the hold ends waits for it. A job that was rung for such a row is an old one now.
PUT_OFF = text("""
    UPDATE work SET due_at = least(:until, greatest(give_up_at, :now)), rung_at = NULL,
                    generation = generation + (rung_at IS NOT NULL)::int
    WHERE job = :job AND workspace_id = :workspace AND state = 'pending' AND lease_owner IS NULL AND due_at < :until
          AND starts_with(lane, :type || '/')
""")
# The other way round, when the hold is off. What met it is due a moment after its end, what has an hour perhaps before;
# what is due before then for a reason of its own comes forward with them.
LET_GO = text("""
    UPDATE work SET due_at = :now, rung_at = NULL, generation = generation + (rung_at IS NOT NULL)::int
    WHERE job = :job AND workspace_id = :workspace AND state = 'pending' AND lease_owner IS NULL
          AND due_at > :now AND due_at <= :until + interval '3 seconds' AND starts_with(lane, :type || '/')
""")


def put(session: Session, workspace_id: str, channel_type: str, credentials: Mapping[str, str]) -> None:
    """These credentials from now on; whatever the vendor held against the old ones is forgotten, and what waited is due.

    Raises ValueError, a sentence that begins with a field's name, where a value cannot be right.
    """
    CHANNELS[channel_type].check(credentials)
    sealed = sealing.seal(place(workspace_id, channel_type), dict(credentials))
    fresh = dict(credentials=sealed, state="ACTIVE", error=None, held_until=None, updated_at=clock.now())
    new = insert(ChannelAccount).values(workspace_id=workspace_id, type=channel_type, **fresh)
    _let_go(session, workspace_id, channel_type)
    session.execute(new.on_conflict_do_update(index_elements=["workspace_id", "type"], set_=fresh))


def listed(session: Session, workspace_id: str) -> Sequence[ChannelAccount]:
    """The workspace's accounts by type."""
    mine = select(ChannelAccount).where(ChannelAccount.workspace_id == workspace_id)
    return session.scalars(mine.order_by(ChannelAccount.type)).all()


def remove(session: Session, workspace_id: str, channel_type: str) -> bool:
    """Forget the credentials; what is still to be sent there fails. False where there were none."""
    _let_go(session, workspace_id, channel_type)
    gone = delete(ChannelAccount).where(_is(workspace_id, channel_type)).returning(ChannelAccount.type)
    return session.scalar(gone) is not None


def refuse(session: Session, workspace_id: str, channel_type: str, used: bytes, sentence: str) -> None:
    """The vendor takes the credentials `used` (as sealed) no longer: fail fast until new ones are put."""
    refused = dict(state="REFUSED", error=sentence, updated_at=clock.now())
    same = _is(workspace_id, channel_type) & (ChannelAccount.credentials == used)
    session.execute(update(ChannelAccount).where(same).values(refused))


def hold(session: Session, workspace_id: str, channel_type: str, used: bytes, until: datetime) -> None:
    """Nothing goes out through this account, with the credentials `used` (as sealed), until then.

    What is due before waits for it, but no longer than its own hour; beyond 30 minutes nothing waits: each fails when its
    time comes, and says so.
    """
    same = _is(workspace_id, channel_type) & (ChannelAccount.credentials == used)
    held = update(ChannelAccount).where(same).values(held_until=func.greatest(ChannelAccount.held_until, until))
    waits = dict(job=JOB, workspace=workspace_id, type=channel_type, until=until, now=clock.now())
    if session.scalar(held.returning(ChannelAccount.type)) and not too_long(until):
        session.execute(PUT_OFF, waits)


def too_long(held_until: datetime) -> bool:
    """Whether a hold is longer than a message may be made to wait."""
    return held_until - clock.now() > timedelta(seconds=wait_seconds(LONGEST_WAIT_SECONDS))


def _let_go(session: Session, workspace_id: str, channel_type: str) -> None:
    account = session.get(ChannelAccount, (workspace_id, channel_type), with_for_update=True)
    if account is not None and account.held_until is not None:
        values = dict(job=JOB, workspace=workspace_id, type=channel_type, until=account.held_until, now=clock.now())
        session.execute(LET_GO, values)


def rotate() -> tuple[int, list[str]]:
    """Seal every account's credentials under the newest of CREDENTIAL_KEYS: how many, and which no key opens."""
    lost = []
    with transaction() as session:
        keys = session.execute(select(ChannelAccount.workspace_id, ChannelAccount.type)).all()
    for key in keys:
        with transaction() as session:
            account = session.get(ChannelAccount, tuple(key), with_for_update=True)
            try:
                if account is not None:
                    account.credentials = sealing.rotate(account.credentials)
            except PermanentError:
                lost.append(place(*key))
    return len(keys) - len(lost), lost


def place(workspace_id: str, channel_type: str) -> str:
    """What the credentials of this row are sealed to."""
    return f"{workspace_id}/{channel_type}"


def _is(workspace_id: str, channel_type: str) -> Any:
    return (ChannelAccount.workspace_id == workspace_id) & (ChannelAccount.type == channel_type)
