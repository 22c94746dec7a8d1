"""The names that tests and tools from outside find things by: each stands on one element of a page."""

from collections.abc import Callable

import pytest
from client import OPERATOR_KEY, Client
from messaging import put, say
from playwright.sync_api import Page, expect
from recorder import Answer, Recorder

BLOCKED = Answer(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
FIELDS = {
    "/console/knowledge": ["Add files", "Web address", "Ask a question"],
    "/console/messages": ["Status", "Channel", "Customer", "Text", "From", "To"],
}
BUTTONS = {
    "/console/knowledge": ["Add", "Ask", "Sign out"],
    "/console/messages": ["Retry selected", "Retry all that match", "Sign out"],
    "/console/channels": ["Send a test", "Sign out"],
    "/console/mail": ["Sign out"],
    "/console/credits": ["Sign out"],
    "/console/analytics": ["Sign out"],
}


@pytest.mark.slow
def test_each_name_is_found_exactly_and_once(page: Page, api: Client, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    vendors.script(api.workspace_id, BLOCKED)
    assert say(api, f"For {api.workspace_id}")["status"] == "FAILED"
    for path, buttons in BUTTONS.items():
        page.goto(path)
        for name in buttons:
            expect(page.get_by_role("button", name=name, exact=True), f"{path}: {name}").to_have_count(1)
        for name in FIELDS.get(path, []):
            expect(page.get_by_label(name, exact=True), f"{path}: {name}").to_have_count(1)


@pytest.mark.slow
def test_an_operator_finds_a_button_for_each_queue_and_each_entry(visitor: Page, sign_in: Callable[..., None]) -> None:
    sign_in(visitor, OPERATOR_KEY, "/console/operations")
    expect(visitor.get_by_role("button", name="Pause", exact=True)).to_have_count(5)
    expect(visitor.get_by_role("button", name="Run now", exact=True)).to_have_count(2)
    visitor.get_by_role("button", name="Run now", exact=True).first.click()
    expect(visitor.get_by_role("row", name="daily-rollup").get_by_role("listitem").first).to_be_visible()
