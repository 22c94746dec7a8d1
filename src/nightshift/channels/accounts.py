"""A workspace's accounts with vendors: credentials sealed to their row, their state, holds."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from nightshift import clock, events, outbox, sealing
from nightshift.channels import CHANNELS
from nightshift.db.models import ChannelAccount
from nightshift.db.session import transaction
from nightshift.errors import PermanentError
from nightshift.settings import settings

JOB = "webhook_retry.retry_send"
REMOVED = "This channel has been removed. Put its credentials, then retry the message."


def put(session: Session, workspace_id: str, channel_type: str, credentials: Mapping[str, str]) -> ChannelAccount:
    """These credentials from now on: the account. What the vendor held against the old ones is forgotten, and what waited for
    it is due. Its hook stays the same.

    Raises ValueError, a sentence that begins with a field's name, where a value cannot be right.
    """
    CHANNELS[channel_type].check(credentials)
    sealed = sealing.seal(scope_of(workspace_id, channel_type), dict(credentials))
    now = clock.now()
    fresh = dict(credentials=sealed, state="ACTIVE", error=None, held_until=None, test=None, since=now, updated_at=now)
    new = insert(ChannelAccount).values(workspace_id=workspace_id, type=channel_type, version=1, **fresh)
    _lift_hold(session, workspace_id, channel_type)
    changes = {**fresh, "version": ChannelAccount.version + 1}
    session.execute(new.on_conflict_do_update(index_elements=["workspace_id", "type"], set_=changes))
    return session.get_one(ChannelAccount, (workspace_id, channel_type), populate_existing=True)


def listed(session: Session, workspace_id: str) -> Sequence[ChannelAccount]:
    """The workspace's accounts by type."""
    mine = select(ChannelAccount).where(ChannelAccount.workspace_id == workspace_id)
    return session.scalars(mine.order_by(ChannelAccount.type)).all()


def remove(session: Session, workspace_id: str, channel_type: str) -> bool:
    """Delete the credentials; what is still to be sent there fails. The account stays, REFUSED, and says since when. False
    where there were none."""
    _lift_hold(session, workspace_id, channel_type)
    now = clock.now()
    removed = dict(
        credentials=None, version=ChannelAccount.version + 1, state="REFUSED", error=REMOVED, held_until=None, test=None,
        since=now, updated_at=now,
    )  # fmt: skip
    there = _is(workspace_id, channel_type) & ChannelAccount.credentials.is_not(None)
    gone = update(ChannelAccount).where(there).values(removed).returning(ChannelAccount.type)
    return session.scalar(gone) is not None


def refuse(session: Session, workspace_id: str, channel_type: str, used: Any, sentence: str) -> None:
    """The vendor no longer accepts the credentials of version `used`: fail fast until new ones are put."""
    now = clock.now()
    refused = dict(state="REFUSED", error=sentence, since=now, updated_at=now)
    same = _is(workspace_id, channel_type) & (ChannelAccount.version == used) & (ChannelAccount.state == "ACTIVE")
    if session.scalar(update(ChannelAccount).where(same).values(refused).returning(ChannelAccount.type)):
        events.emit(session, workspace_id, "channel_refused", {"channelType": channel_type, "reason": sentence})


def hold(session: Session, workspace_id: str, channel_type: str, used: Any, seconds: float, most: float) -> None:
    """Nothing is sent through this account, with the credentials of version `used`, for so many seconds.

    A message that is due before waits until then, but no longer than its own hour. Beyond `most` seconds nothing waits: each
    message fails when its time comes, and says so.
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
        sealed = ChannelAccount.credentials.is_not(None)
        keys = session.execute(select(ChannelAccount.workspace_id, ChannelAccount.type).where(sealed)).all()
    for key in keys:
        with transaction() as session:
            account = session.get(ChannelAccount, tuple(key), with_for_update=True)
            try:
                if account is not None and account.credentials is not None:
                    account.credentials = sealing.rotate(account.credentials)
            except PermanentError:
                lost.append(scope_of(*key))
    return len(keys) - len(lost), lost


def unreadable(session: Session) -> tuple[int, list[str]]:
    """How many accounts have credentials, and which of those no key of CREDENTIAL_KEYS opens."""
    sealed = select(ChannelAccount).where(ChannelAccount.credentials.is_not(None)).execution_options(yield_per=1000)
    count, lost = 0, []
    for account in session.scalars(sealed):
        count += 1
        try:
            credentials_of(account)
        except PermanentError:
            lost.append(scope_of(account.workspace_id, account.type))
    return count, lost


def hook_url(channel_type: str, hook_id: str) -> str | None:
    """Where the vendor reports to; None where it is not known how vendors reach this installation."""
    base = settings().public_url
    return f"{base}{hook_path(channel_type, hook_id)}" if base else None


def hook_path(channel_type: str, hook_id: str) -> str:
    return f"/v1/hooks/{channel_type}/{hook_id}"


def of_hook(session: Session, channel_type: str, hook_id: str) -> ChannelAccount | None:
    """The account whose hook this is, if it has credentials."""
    there = select(ChannelAccount).where(ChannelAccount.hook_id == hook_id, ChannelAccount.type == channel_type)
    return session.scalar(there.where(ChannelAccount.credentials.is_not(None)))


def credentials_of(account: ChannelAccount) -> dict[str, str]:
    """Raises PermanentError where no key opens them."""
    opened = sealing.unseal(scope_of(account.workspace_id, account.type), account.credentials or b"")
    return dict(opened)


def scope_of(workspace_id: str, channel_type: str) -> str:
    """What the credentials of this row are sealed to."""
    return f"{workspace_id}/{channel_type}"


def lanes_of(channel_type: str) -> str:
    """How the lane of each of this channel's messages begins."""
    return f"{channel_type}/"


def _is(workspace_id: str, channel_type: str) -> Any:
    return (ChannelAccount.workspace_id == workspace_id) & (ChannelAccount.type == channel_type)
