"""Whatever the order of tries, lost answers, reports and retries: a message ends as its customer's phone shows it, and nothing
is sent again that anything could have told."""

import json
import os
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from hypothesis import settings as given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from recorder import Answer, Recorder, Request
from reporting import whatsapp

from jobs.webhook_retry import retry_send
from nightshift import outbox, workspaces
from nightshift.channels import CHANNELS, accounts, messages, reports
from nightshift.channels.report import HookRequest
from nightshift.db.session import statement, transaction
from nightshift.settings import settings
from runner.run import run_here

PARTS = 2
FATES = {
    "delivered": ["sent", "delivered"],
    "read": ["sent", "delivered", "read"],
    "busy": ["sent", "failed"],
    "dead": ["failed"],
}
HOW, FATE = st.sampled_from(["well", "unheard", "well", "unheard", "lost", "refused"]), st.sampled_from(sorted(FATES))
EARLY = st.sampled_from([None, 0, -1])
CODES = {"busy": 131000, "dead": 131026}
# Jobs of this workspace in Redis, as many as it may have there: no worker of a running stack gets one more.
FULL = """
    INSERT INTO outbox (job, row_id, workspace_id, state, dispatched_at)
    SELECT %(job)s, 'full-' || %(workspace)s || n, %(workspace)s, 'dispatched', now() + interval '1 year'
    FROM generate_series(1, 5) n
"""


@dataclass
class Copy:
    """One part as the vendor has taken it. `fate`: what becomes of it; `said`: what it was told to us of it."""

    part: int
    key: str
    provider_id: str
    fate: str
    said: set[str]

    @property
    def arrives(self) -> bool:
        return self.fate in ("delivered", "read")

    @property
    def known(self) -> bool:
        """Whether anything has told us that the vendor has it, and nothing that it failed."""
        return bool(self.said) and "failed" not in self.said


class WhatsApp(Recorder):
    """Answers one call after the other as `plan` says: (how, fate of the copy, which of its reports comes before the answer)."""

    def __init__(self) -> None:
        super().__init__()
        self.plan: list[tuple[str, str, int | None]] = []
        self.copies: list[Copy] = []
        self.wrong: list[str] = []
        self.report: Any = None

    def _next(self, request: Request) -> Answer:
        how, fate, early = self.plan.pop(0) if self.plan else ("well", "delivered", None)
        if how == "refused":
            return Answer(500, {})
        key = request.json["biz_opaque_callback_data"]
        part = int(key.split("/")[1])
        if any(copy.known for copy in self.copies if copy.part == part):
            self.wrong.append(f"{key} is sent again, and a copy is known")
        if how == "lost":
            return Answer(silent=True)
        copy = Copy(part, key, f"wamid.{uuid4().hex}", fate, set())
        self.copies.append(copy)
        if early is not None:
            self.report(copy, FATES[fate][early])
        if how == "unheard":
            return Answer(silent=True)
        copy.said.add("accepted")
        return Answer(body={"messages": [{"id": copy.provider_id}]})


class Reports(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.vendor = WhatsApp()
        self.vendor.report = self._report
        self.vendor.start()
        self._environment = patch.dict(os.environ, {"WHATSAPP_BASE_URL": self.vendor.url})
        self._environment.start()
        settings.cache_clear()
        text = "\n\n".join(f"{number} " + "x" * 2500 for number in range(PARTS))
        with transaction() as session:
            workspace, agent, _ = workspaces.create(session, "Reports", "x@example.com", 0, 0)
            accounts.put(session, workspace.id, "WHATSAPP", {"accessToken": "t", "phoneNumberId": "1"})
            self.workspace = workspace.id
            session.connection().exec_driver_sql(FULL, dict(job=messages.JOB, workspace=workspace.id))
            place = (workspace.id, agent.id, "WHATSAPP", "49")
            self.id, _ = messages.accept(session, *place, text, try_now=False)

    @rule(plan=st.lists(st.tuples(HOW, FATE, EARLY), min_size=1, max_size=PARTS))
    def tries(self, plan: list[tuple[str, str, int | None]]) -> None:
        self.vendor.plan = list(plan)
        self._run()

    @precondition(lambda self: self.vendor.copies)
    @rule(data=st.data())
    def reports(self, data: st.DataObject) -> None:
        """Any of what is true of a copy, at any time, as often as the vendor likes."""
        copy = data.draw(st.sampled_from(self.vendor.copies))
        self._report(copy, data.draw(st.sampled_from(FATES[copy.fate])))

    @rule()
    def a_person_retries(self) -> None:
        with transaction() as session:
            messages.retry(session, self.id)

    @invariant()
    def nothing_is_sent_again_that_is_known(self) -> None:
        assert self.vendor.wrong == []

    def teardown(self) -> None:
        """All that is owed is tried, and all that is true is reported: one state, that of the phone."""
        try:
            for _ in range(12):
                self.vendor.plan = []
                self._run()
                for copy in self.vendor.copies:
                    for state in FATES[copy.fate]:
                        self._report(copy, state)
                reports.settle_left()
            self._check()
        finally:
            statement("DELETE FROM outbox WHERE workspace_id = %(workspace)s", workspace=self.workspace)
            self._environment.stop()
            settings.cache_clear()
            self.vendor.stop()

    def _check(self) -> None:
        assert self.vendor.wrong == []
        [shown] = statement("SELECT status, delivery_state, error FROM messages WHERE id = %(id)s", id=self.id)
        [row] = statement(
            "SELECT state FROM outbox WHERE job = %(job)s AND row_id = %(id)s", job=messages.JOB, id=self.id
        )
        arrived = {copy.part for copy in self.vendor.copies if copy.arrives}
        if len(arrived) == PARTS:
            assert (shown.status, row.state, shown.error) == ("SENT", "done", None)
            assert shown.delivery_state in ("delivered", "read")
        else:
            assert (shown.status, row.state) == ("FAILED", "failed"), "nothing is owed for ever"
            assert shown.error
        told = statement("SELECT outcome FROM message_attempts WHERE message_id = %(id)s", id=self.id)
        for part in range(1, PARTS + 1):
            copies = [copy for copy in self.vendor.copies if copy.part == part and copy.arrives]
            assert len(copies) <= max(1, len(told))
        left = statement("SELECT 1 FROM deliveries WHERE message_id = %(id)s AND NOT applied", id=self.id)
        assert not left

    def _run(self) -> None:
        with transaction() as session:
            lease = outbox.claim_here(session, messages.JOB, self.id)
        if lease is not None:
            run_here(retry_send, lease)

    def _report(self, copy: Copy, state: str) -> None:
        copy.said.add(state)
        body = json.dumps(
            whatsapp(copy.provider_id, state, copy.key, CODES.get(copy.fate, 0) if state == "failed" else 0)
        )
        said = HookRequest((), {}, {}, body.encode())
        reports.take(self.workspace, "WHATSAPP", CHANNELS["WHATSAPP"].read_reports(said))


@pytest.mark.slow
def test_reports_in_any_order() -> None:
    run_state_machine_as_test(
        Reports, settings=given(max_examples=10, stateful_step_count=8, deadline=None, derandomize=True)
    )


@pytest.mark.slow
def test_reports_in_any_order_at_length() -> None:
    run_state_machine_as_test(Reports, settings=given(max_examples=80, stateful_step_count=14, deadline=None))
