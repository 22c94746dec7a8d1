"""What a support team does with messages in the console."""

import re

from client import Client
from messaging import message, put, say, settled
from playwright.sync_api import Page, expect
from recorder import Answer, Recorder
from stack import Stack

BLOCKED = Answer(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
GERMAN = "Rückerstattungsbestätigung für Ihre Waschmaschinenersatzteillieferung"
ARABIC = "مرحبا، متى يصل طلبي؟"


def fail(api: Client, vendors: Recorder, text: str, customer: str, *answers: Answer) -> str:
    """The id of a message that is FAILED in the end."""
    marked = f"{text} of {api.workspace_id}"
    vendors.script(marked, *(answers or [BLOCKED]))
    return str(say(api, marked, customer=customer)["id"])


def test_find_messages_and_retry_exactly_those_that_were_shown(
    page: Page, api: Client, stack: Stack, vendors: Recorder
) -> None:
    page.goto("/console/messages")
    expect(page.get_by_text("There are no messages yet.")).to_be_visible()
    put(api, "TELEGRAM", vendors)
    sent = say(api, "Hello")["id"]
    expect(page.get_by_role("row", name="Hello")).to_contain_text("SENT")  # by itself
    failed = [fail(api, vendors, f"{n}.", f"customer {n}") for n in range(3)]
    lost = fail(api, vendors, "Lost", "carla", Answer(silent=True), BLOCKED)
    stack.hurry(lost)
    settled(api, lost)
    page.get_by_label("Status").select_option("FAILED")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("status=FAILED"))
    expect(page.get_by_role("row", name="carla")).to_contain_text("FAILED")
    page.get_by_role("row", name="customer 1").get_by_role("checkbox").check()
    page.get_by_role("button", name="Retry selected").click()
    page.get_by_role("button", name="Retry 1 message").click()
    expect(page.get_by_role("status")).to_contain_text("1 message is retried.")
    assert settled(api, failed[1])["status"] == "SENT"
    page.get_by_label("Status").select_option("FAILED")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Retry all that match").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Retry 3 messages?")
    expect(page.get_by_role("definition").nth(1)).to_contain_text("3 customers")
    expect(page.get_by_role("definition").nth(2)).to_contain_text("1")
    first = page.get_by_role("row").nth(1)
    expect(first).to_contain_text("carla")
    expect(first).to_contain_text("yes")
    later = fail(api, vendors, "Later", "dora")  # after the page was shown
    assert api("POST", f"/v1/messages/{failed[0]}/retry").status_code == 202
    settled(api, failed[0])
    page.get_by_role("button", name="Retry 3 messages").click()
    expect(page.get_by_role("status")).to_contain_text("2 messages are retried.")
    expect(page.get_by_role("status")).to_contain_text("1 is not FAILED any more, and left alone.")
    assert {settled(api, each)["status"] for each in [*failed, lost, sent]} == {"SENT"}
    assert message(api, later)["status"] == "FAILED"
    page.goto("/console/messages?status=NONSENSE")
    expect(page.get_by_text("No message matches.")).to_be_visible()
