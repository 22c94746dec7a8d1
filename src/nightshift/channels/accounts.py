"""A workspace's accounts with vendors: credentials sealed to their row, refusals, holds."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from nightshift import clock, outbox, sealing
from nightshift.channels import CHANNELS
from nightshift.db.models import ChannelAccount
from nightshift.db.session import transaction
from nightshift.errors import PermanentError

JOB = "webhook_retry.retry_send"


def put(session: Session, workspace_id: str, channel_type: str, credentials: Mapping[str, str]) -> None:
    """These credentials from now on. What the vendor held against the old ones is forgotten, and what waited for it is due.

    Raises ValueError, a sentence that begins with a field's name, where a value cannot be right.
    """
    CHANNELS[channel_type].check(credentials)
    sealed = sealing.seal(scope_of(workspace_id, channel_type), dict(credentials))
    fresh = dict(credentials=sealed, state="ACTIVE", error=None, held_until=None, updated_at=clock.now())
    new = insert(ChannelAccount).values(workspace_id=workspace_id, type=channel_type, version=1, **fresh)
    _lift_hold(session, workspace_id, channel_type)
    changes = {**fresh, "version": ChannelAccount.version + 1}
    session.execute(new.on_conflict_do_update(index_elements=["workspace_id", "type"], set_=changes))


def listed(session: Session, workspace_id: str) -> Sequence[ChannelAccount]:
    """The workspace's accounts by type."""
    mine = select(ChannelAccount).where(ChannelAccount.workspace_id == workspace_id)
    return session.scalars(mine.order_by(ChannelAccount.type)).all()


def remove(session: Session, workspace_id: str, channel_type: str) -> bool:
    """Delete the credentials; what is still to be sent there fails. False where there were none."""
    _lift_hold(session, workspace_id, channel_type)
    gone = delete(ChannelAccount).where(_is(workspace_id, channel_type)).returning(ChannelAccount.type)
    return session.scalar(gone) is not None


def refuse(session: Session, workspace_id: str, channel_type: str, used: Any, sentence: str) -> None:
    """The vendor no longer accepts the credentials of version `used`: fail fast until new ones are put."""
    refused = dict(state="REFUSED", error=sentence, updated_at=clock.now())
    same = _is(workspace_id, channel_type) & (ChannelAccount.version == used)
    session.execute(update(ChannelAccount).where(same).values(refused))


def hold(session: Session, workspace_id: str, channel_type: str, used: Any, seconds: float, most: float) -> None:
    """Nothing is sent through this account, with the credentials of version `used`, for so many seconds.

    What is due before waits until then, but no longer than its own hour. Beyond `most` seconds nothing waits: each message
    fails when its time comes, and says so.
    """
    same = _is(workspace_id, channel_type) & (ChannelAccount.version == used)
    until = func.greatest(ChannelAccount.held_until, func.clock_timestamp() + timedelta(seconds=seconds))
    held_until = session.scalar(
        update(ChannelAccount).where(same).values(held_until=until).returning(ChannelAccount.held_until)
    )
    if held_until is not None and seconds <= most:
        outbox.postpone(session, JOB, workspace_id, lanes_of(channel_type), held_until)


def _lift_hold(session: Session, workspace_id: str, channel_type: str) -> None:
    account = session.get(ChannelAccount, (workspace_id, channel_type), with_for_update=True)
    if account is not None and account.held_until is not None:
        outbox.advance(session, JOB, workspace_id, lanes_of(channel_type), account.held_until)


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
                lost.append(scope_of(*key))
    return len(keys) - len(lost), lost


def scope_of(workspace_id: str, channel_type: str) -> str:
    """What the credentials of this row are sealed to."""
    return f"{workspace_id}/{channel_type}"


def lanes_of(channel_type: str) -> str:
    """How the lane of each of this channel's messages begins."""
    return f"{channel_type}/"


def _is(workspace_id: str, channel_type: str) -> Any:
    return (ChannelAccount.workspace_id == workspace_id) & (ChannelAccount.type == channel_type)
