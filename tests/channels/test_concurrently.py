"""A message is accepted or looked at while somebody else writes what it depends on."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from owed import WAITS_FOR_ME
from sqlalchemy import event
from sqlalchemy.orm import Session
from stack import wait_for

from nightshift import clock, outbox, workspaces
from nightshift.channels import accounts, attempts, message_list, messages
from nightshift.db.session import engine, transaction

CREDENTIALS = {"botToken": "123:token"}


def a_workspace() -> tuple[str, str]:
    """Its id and its agent's, with a Telegram account."""
    with transaction() as session:
        workspace, agent, _ = workspaces.create(session, "Concurrent", "x@example.com", 0, 0)
        accounts.put(session, workspace.id, "TELEGRAM", CREDENTIALS)
        return workspace.id, agent.id


def accept(session: Session, workspace_id: str, agent_id: str) -> tuple[str, outbox.Lease | None]:
    told = dict(channel_type="TELEGRAM", customer_id="customer", content="Hello")
    return messages.accept(session, workspace_id, agent_id, **told)


def test_an_attempt_that_begins_while_one_looks_is_not_shown_by_half() -> None:
    workspace_id, agent_id = a_workspace()
    with transaction() as session:
        message_id, lease = accept(session, workspace_id, agent_id)
    with transaction() as session:
        assert lease
        lease.release(session, clock.now() + timedelta(minutes=20))  # no worker of a running stack takes it

    def begin() -> None:
        with transaction() as session:
            lease = outbox.claim_here(session, messages.JOB, message_id)
        assert lease
        attempts.begin(lease)

    to_begin = [begin]

    def after_a_statement(connection: Any, cursor: Any, sql: str, *_: Any) -> None:
        if to_begin and not sql.startswith("PREPARE"):
            elsewhere.submit(to_begin.pop()).result()

    with ThreadPoolExecutor(1) as elsewhere, transaction() as session:
        session.connection()  # else it is a statement alone, which no event shows
        event.listen(engine(), "after_cursor_execute", after_a_statement)
        try:
            view = message_list.find(session, workspace_id, message_id)
        finally:
            event.remove(engine(), "after_cursor_execute", after_a_statement)
        assert view
        assert (view.status, len(view.attempts)) == ("RETRYING", 0)
        [later] = message_list.listed(session, workspace_id, agent_id, message_list.Filters(), None, 50, 1 << 20)
        assert (later.status, [a["outcome"] for a in later.attempts]) == ("SENDING", ["unknown"])


def test_a_message_that_meets_a_hold_while_new_credentials_end_it_does_not_wait_for_it() -> None:
    workspace_id, agent_id = a_workspace()
    with transaction() as session:
        [account] = accounts.listed(session, workspace_id)
        account.held_until = clock.now() + timedelta(minutes=20)

    def meet() -> outbox.Lease | None:
        with transaction() as session:
            return accept(session, workspace_id, agent_id)[1]

    with ThreadPoolExecutor(1) as elsewhere, transaction() as session:
        accounts.put(session, workspace_id, "TELEGRAM", CREDENTIALS)
        meets = elsewhere.submit(meet)
        wait_for(lambda: meets.done() or session.scalar(WAITS_FOR_ME))
    assert meets.result(), "it is tried at once"
