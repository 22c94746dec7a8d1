"""What its owner sees of a message."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import event

from nightshift import work, workspaces
from nightshift.channels import accounts, messages, tries
from nightshift.db.session import engine, transaction


def a_message_that_waits_for_a_worker() -> tuple[str, str]:
    with transaction() as session:
        workspace, agent, _ = workspaces.create(session, "Seen", "x@example.com", 0, 0)
        accounts.put(session, workspace.id, "TELEGRAM", {"botToken": "123:token"})
        told = dict(channel_type="TELEGRAM", customer_id="customer", content="Hello", try_now=False)
        return workspace.id, messages.accept(session, workspace.id, agent.id, **told)[0]


def test_a_try_that_begins_while_one_looks_is_not_shown_by_half() -> None:
    workspace_id, message_id = a_message_that_waits_for_a_worker()

    def begin() -> None:
        lease = work.claim(messages.JOB, message_id, "a worker")
        assert lease
        tries.begin(lease, time.monotonic() + 5)

    to_begin = [begin]

    def after_a_statement(*_: Any) -> None:
        if to_begin:
            elsewhere.submit(to_begin.pop()).result()

    with ThreadPoolExecutor(1) as elsewhere, transaction() as session:
        event.listen(engine(), "after_cursor_execute", after_a_statement)
        try:
            view = messages.find(session, workspace_id, message_id)
        finally:
            event.remove(engine(), "after_cursor_execute", after_a_statement)
        assert view
        assert (view.status, len(view.attempts)) == ("RETRYING", 0)
        [later] = messages.listed(session, view.message.agent_id, None, None, 50)
        assert (later.status, [a.outcome for a in later.attempts]) == ("SENDING", ["unknown"])
