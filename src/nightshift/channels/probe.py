"""Tests whether the credentials of a channel work, by a request that does no harm."""

from sqlalchemy import update

from nightshift import clock
from nightshift.channels import CHANNELS, accounts
from nightshift.channels.base import Part
from nightshift.channels.send import exchange
from nightshift.db.models import ChannelAccount
from nightshift.db.session import transaction
from nightshift.errors import BadCredential, NightshiftError
from nightshift.vendor_call import vendor_call

DEADLINE_SECONDS = 8.0
NOBODY = Part("", "", "", 0)


def test(workspace_id: str, channel_type: str) -> None:
    """Write the result into the account. Only a refused credential changes its state."""
    channel = CHANNELS[channel_type]
    with transaction() as session:
        account = session.get(ChannelAccount, (workspace_id, channel_type))
    if account is None or account.credentials is None:
        return
    error: NightshiftError | None = None
    try:
        call = channel.probe(accounts.credentials_of(account))
        if call is None:
            return
        with vendor_call(channel_type) as made:
            answer = exchange(call, DEADLINE_SECONDS)
            made.status = answer.status
            channel.message_id(answer, NOBODY)
    except NightshiftError as raised:
        error = raised
    result = {"at": clock.now().isoformat(), "ok": error is None, "error": error and str(error)}
    with transaction() as session:
        same = (ChannelAccount.workspace_id == workspace_id, ChannelAccount.type == channel_type)
        tested = update(ChannelAccount).where(*same, ChannelAccount.version == account.version)
        session.execute(tested.values(test=result))
        if isinstance(error, BadCredential):
            accounts.refuse(session, workspace_id, channel_type, account.version, str(error))
