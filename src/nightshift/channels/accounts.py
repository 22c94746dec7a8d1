"""A workspace's accounts with vendors: credentials sealed to their row, refused ones, holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from nightshift import clock, sealing
from nightshift.channels import CHANNELS
from nightshift.db.models import ChannelAccount
from nightshift.db.session import transaction

JOB = "retry_send"

# What of the account is due before the hold ends waits for it. A job that was rung for such a row is an old one now.
PUT_OFF = text("""
    UPDATE work SET due_at = :until, rung_at = NULL, generation = generation + (rung_at IS NOT NULL)::int
    WHERE job = :job AND workspace_id = :workspace AND state = 'pending' AND lease_owner IS NULL AND due_at < :until
          AND starts_with(lane, :type || '/')
""")


def put(session: Session, workspace_id: str, channel_type: str, credentials: Mapping[str, str]) -> None:
    """These credentials from now on; whatever the vendor held against the old ones is forgotten.

    Raises ValueError, a sentence that begins with a field's name, where a value cannot be right.
    """
    CHANNELS[channel_type].check(credentials)
    sealed = sealing.seal(place(workspace_id, channel_type), dict(credentials))
    fresh = dict(credentials=sealed, state="ACTIVE", error=None, held_until=None, updated_at=clock.now())
    new = insert(ChannelAccount).values(workspace_id=workspace_id, type=channel_type, **fresh)
    session.execute(new.on_conflict_do_update(index_elements=["workspace_id", "type"], set_=fresh))


def listed(session: Session, workspace_id: str) -> Sequence[ChannelAccount]:
    """The workspace's accounts by type."""
    mine = select(ChannelAccount).where(ChannelAccount.workspace_id == workspace_id)
    return session.scalars(mine.order_by(ChannelAccount.type)).all()


def remove(session: Session, workspace_id: str, channel_type: str) -> bool:
    """Forget the credentials; what is still to be sent there fails. False where there were none."""
    gone = delete(ChannelAccount).where(_is(workspace_id, channel_type)).returning(ChannelAccount.type)
    return session.scalar(gone) is not None


def refuse(session: Session, workspace_id: str, channel_type: str, used: bytes, sentence: str) -> None:
    """The vendor takes the credentials `used` (as sealed) no longer: fail fast until new ones are put."""
    refused = dict(state="REFUSED", error=sentence, updated_at=clock.now())
    same = _is(workspace_id, channel_type) & (ChannelAccount.credentials == used)
    session.execute(update(ChannelAccount).where(same).values(refused))


def hold(session: Session, workspace_id: str, channel_type: str, until: datetime) -> None:
    """Nothing goes out through this account before `until`."""
    held_until = func.greatest(ChannelAccount.held_until, until)
    session.execute(update(ChannelAccount).where(_is(workspace_id, channel_type)).values(held_until=held_until))
    session.execute(PUT_OFF, dict(job=JOB, workspace=workspace_id, type=channel_type, until=until))


def rotate() -> int:
    """Seal every account's credentials under the newest of CREDENTIAL_KEYS. Returns how many."""
    with transaction() as session:
        keys = session.execute(select(ChannelAccount.workspace_id, ChannelAccount.type)).all()
    for key in keys:
        with transaction() as session:
            account = session.get(ChannelAccount, tuple(key), with_for_update=True)
            if account is not None:
                account.credentials = sealing.rotate(account.credentials)
    return len(keys)


def place(workspace_id: str, channel_type: str) -> str:
    """What the credentials of this row are sealed to."""
    return f"{workspace_id}/{channel_type}"


def _is(workspace_id: str, channel_type: str) -> Any:
    return (ChannelAccount.workspace_id == workspace_id) & (ChannelAccount.type == channel_type)
