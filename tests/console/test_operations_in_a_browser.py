"""What an operator does in the console: watches, pauses, retries, and breaks things on purpose."""

from collections.abc import Callable
from typing import Any

import pytest
from client import OPERATOR_KEY, Client
from playwright.sync_api import Page, expect
from recorder import Answer, Recorder
from stack import Stack, wait_for

pytestmark = pytest.mark.slow

SUM = """() => [...document.querySelectorAll("#sum dd")].map((each) => Number(each.textContent.replaceAll(",", "")))"""


def adds_up(page: Page) -> bool:
    accepted, done, owed, failed = page.evaluate(SUM)
    return bool(accepted == done + owed + failed)


@pytest.fixture
def operator(visitor: Page, api: Client, stack: Stack, sign_in: Callable[..., None]) -> Page:
    """At the page, where FAILED work is that of the workspace of `api`."""
    stack.wait_ready()
    sign_in(visitor, OPERATOR_KEY, f"/console/operations?workspace={api.workspace_id}")
    return visitor


def card(page: Page, queue: str) -> Any:
    return page.get_by_role("region", name=queue, exact=True)


def test_pause_a_queue_break_things_resume_and_nothing_is_lost(
    operator: Page, api: Client, stack: Stack, accessible: Callable[[Page], None]
) -> None:
    expect(operator.get_by_role("link", name="Operations")).to_have_attribute("aria-current", "page")
    ingestion = card(operator, "ingestion")
    ingestion.get_by_label("Reason to pause ingestion").focus()
    operator.keyboard.type("Der Speicher zieht um")
    operator.keyboard.press("Tab")
    operator.keyboard.press("Enter")
    try:
        expect(operator.get_by_role("status").filter(has_text="ingestion: paused.")).to_be_visible()
        expect(ingestion).to_contain_text("Der Speicher zieht um")
        expect(ingestion.get_by_text("PAUSED")).to_be_visible()

        # What is accepted shows without a reload, and what breaks takes nothing of it away.
        docs = [api.add_text(f"Document {number} of {api.workspace_id}") for number in range(3)]
        depth = ingestion.locator("dl > div", has_text="Depth").locator("dd")
        expect(depth).to_have_text("3")
        before = operator.evaluate(SUM)
        operator.get_by_role("button", name="Kill a worker").click()
        expect(operator.get_by_role("status").filter(has_text="was killed.")).to_be_visible()
        operator.get_by_role("button", name="Wipe Redis").click()
        expect(operator.get_by_role("status").filter(has_text="Redis is empty.")).to_be_visible()
        assert adds_up(operator) and operator.evaluate(SUM)[0] >= before[0]
        accessible(operator)
    finally:
        ingestion.get_by_role("button", name="Resume").click()
    expect(ingestion.get_by_role("button", name="Pause")).to_be_visible()
    for doc_id in docs:
        wait_for(lambda doc_id=doc_id: api.doc(doc_id)["status"] == "READY")
        assert adds_up(operator)
    expect(depth).to_have_text("0")
    expect(ingestion.get_by_role("group", name="ingestion, last hour, as a table")).to_be_visible()
    stack.wait_ready()


def test_what_failed_is_seen_by_its_error_and_retried_after_a_question(
    operator: Page, api: Client, vendors: Recorder, accessible: Callable[[Page], None]
) -> None:
    failed = operator.get_by_role("region", name="Failed work")
    expect(failed).to_contain_text("Nothing that is FAILED matches.")
    accessible(operator)
    for number in range(3):
        vendors.script(f"{number} of {api.workspace_id}", Answer(400, {"error": {"code": "bad"}}))
        doc_id = api.add_text(f"{number} of {api.workspace_id}")
    api.settled(doc_id, "ERROR")
    group = failed.get_by_role("row").filter(has=operator.get_by_role("button", name="Retry these"))
    expect(group).to_contain_text("ingestion.ingest")
    expect(group.get_by_role("cell", name="3", exact=True)).to_be_visible()
    accessible(operator)

    operator.get_by_role("button", name="Retry all that match").click()
    expect(operator.get_by_role("heading", name="Retry 3 rows?")).to_be_visible()
    expect(operator.get_by_role("main")).to_contain_text("None may take effect twice.")
    accessible(operator)
    operator.get_by_role("button", name="Retry 3", exact=True).click()
    expect(operator.get_by_role("status").filter(has_text="3 will be tried again")).to_be_visible()
    api.settled(doc_id, "READY")

    schedule = operator.get_by_role("region", name="Schedule")
    schedule.get_by_role("row", name="daily-rollup").get_by_role("button", name="Run now").click()
    expect(operator.get_by_role("status").filter(has_text="runs now.")).to_be_visible()


def test_servers_away_are_told_and_it_recovers_by_itself(
    operator: Page, stack: Stack, accessible: Callable[[Page], None]
) -> None:
    verdict = operator.get_by_role("region", name="Verdict")
    stack.redis.execute_command("CLIENT", "PAUSE", 15_000, "ALL")
    expect(verdict).to_contain_text("Redis does not answer")
    assert adds_up(operator)
    accessible(operator)
    expect(verdict).not_to_contain_text("Redis does not answer")
    with stack.postgres_away():
        expect(operator.get_by_role("alert")).to_contain_text("The database is not available.")
    expect(operator.get_by_role("alert")).to_be_hidden()
    assert adds_up(operator)
    stack.wait_ready()
