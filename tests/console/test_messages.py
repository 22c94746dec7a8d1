"""What a support team does with messages in the console."""

import re
from typing import Any

import pytest
import requests
from client import OPERATOR_KEY, Client
from messaging import message, put, say, settled
from playwright.sync_api import Page, expect
from recorder import Answer, Recorder
from reporting import meta_says, subscribe, whatsapp
from stack import Stack

BLOCKED = Answer(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
GERMAN = "Rückerstattungsbestätigung für Ihre Waschmaschinenersatzteillieferung"
ARABIC = "مرحبا، متى يصل طلبي؟"
HIDDEN = re.compile(r'<input type="hidden" name="(.+?)" value="(.*?)">')


def fail(api: Client, vendors: Recorder, text: str, customer: str, *answers: Answer) -> str:
    """The id of a message that is FAILED in the end."""
    marked = f"{text} of {api.workspace_id}"
    vendors.script(marked, *(answers or [BLOCKED]))
    return str(say(api, marked, customer=customer)["id"])


def visit(api: Client) -> requests.Session:
    visitor = requests.Session()
    assert visitor.post(f"{api.base_url}/console/sign-in", data={"key": api.key}, timeout=40).ok
    return visitor


def test_what_was_shown_is_retried_and_nothing_else_and_once(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    shown = [fail(api, vendors, f"{n}.", f"customer {n % 2}") for n in range(3)]
    visitor, home = visit(api), f"{api.base_url}/console/messages/retry"
    page = visitor.get(home, params={"status": "FAILED", "channel": "TELEGRAM"}, timeout=40).text
    assert "Retry 3 messages" in page and "2 customers" in page
    form = dict(HIDDEN.findall(page))
    later = fail(api, vendors, "Later", "dora")
    twice = [visitor.post(home, data=form, timeout=40).text for _ in range(2)]
    assert all("3 messages are retried." in said for said in twice)
    assert [settled(api, each)["status"] for each in shown] == ["SENT"] * 3
    assert message(api, later)["status"] == "FAILED"
    stale = visitor.post(home, data=form | {"Idempotency-Key": "another"}, timeout=40).text
    assert "3 are not FAILED any more, and left alone." in stale
    for nothing in ({"status": "SENT"}, {"channel": "FAX"}, {"id": shown[0]}):
        assert "No FAILED message matches." in visitor.get(home, params=nothing, timeout=40).text, nothing
    assert visitor.get(home, params={"from": "yesterday"}, timeout=40).status_code == 422
    stranger = form | {"agent": "agt_other", "Idempotency-Key": "one more"}
    assert visitor.post(home, data=stranger, timeout=40).status_code == 404


@pytest.mark.slow
def test_find_messages_and_retry_some_and_all(
    page: Page, api: Client, stack: Stack, vendors: Recorder, accessible: Any
) -> None:
    page.goto("/console/messages")
    expect(page.get_by_text("There are no messages yet.")).to_be_visible()
    accessible(page)
    put(api, "TELEGRAM", vendors)
    sent = say(api, GERMAN)["id"]
    expect(page.get_by_role("row", name=GERMAN)).to_contain_text("SENT")  # by itself
    failed = [fail(api, vendors, f"{n}. {ARABIC} <b>", f"customer {n}") for n in range(3)]
    lost = fail(api, vendors, "Lost", "carla", Answer(silent=True), BLOCKED)
    stack.hurry(lost)
    settled(api, lost)
    accessible(page)
    page.get_by_label("Status").select_option("FAILED")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("status=FAILED"))
    expect(page.get_by_role("row", name="carla")).to_contain_text("FAILED")
    box = page.get_by_role("checkbox", name="customer 1")
    box.focus()
    page.keyboard.press("Space")
    new = fail(api, vendors, "New", "nina")  # what is chosen stays, and the new one waits until it is asked for
    page.get_by_role("button", name=re.compile("change.*show")).wait_for()
    expect(box).to_be_checked()
    page.get_by_role("button", name="Retry selected").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Retry 1 message").click()
    expect(page.get_by_role("status")).to_contain_text("1 message is retried.")
    assert settled(api, failed[1])["status"] == "SENT"
    page.get_by_label("Status").select_option("FAILED")
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Select all of this part").check()
    expect(page.get_by_role("checkbox", name="carla")).to_be_checked()
    page.get_by_role("button", name="Retry all that match").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Retry 4 messages?")
    expect(page.get_by_role("definition").nth(1)).to_contain_text("4 customers")
    expect(page.get_by_role("definition").nth(2)).to_contain_text("1")
    first = page.get_by_role("row").nth(1)
    expect(first).to_contain_text("carla")
    expect(first).to_contain_text("yes")
    accessible(page)
    assert api("POST", f"/v1/messages/{failed[0]}/retry").status_code == 202
    settled(api, failed[0])
    page.get_by_role("button", name="Retry 4 messages").click()
    expect(page.get_by_role("status")).to_contain_text("3 messages are retried.")
    expect(page.get_by_role("status")).to_contain_text("1 is not FAILED any more, and left alone.")
    assert {settled(api, each)["status"] for each in [*failed, lost, sent, new]} == {"SENT"}
    page.goto("/console/messages?status=NONSENSE")
    expect(page.get_by_text("No message matches.")).to_be_visible()


@pytest.mark.slow
def test_a_message_tells_its_way(page: Page, api: Client, stack: Stack, vendors: Recorder, accessible: Any) -> None:
    hook = subscribe(api, "WHATSAPP")["hookUrl"]
    put(api, "TELEGRAM", vendors)
    lost = fail(api, vendors, "Slow", "slow", Answer(silent=True), BLOCKED)
    behind = say(api, f"After it {ARABIC}", customer="slow")["id"]
    page.goto(f"/console/messages/{behind}")
    way = page.get_by_role("region", name="Timeline")
    expect(way).to_contain_text("An earlier message to this customer goes first.")
    way.get_by_role("link", name="An earlier message").click()
    expect(way).to_contain_text("The answer was lost")
    expect(way).to_contain_text("Next attempt")
    accessible(page)
    stack.hurry(lost)
    expect(way).to_contain_text("HTTP 403. The customer has blocked the bot")
    expect(page.get_by_text("if you retry, the message may arrive twice.")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Retry").click()
    expect(way).to_contain_text("Telegram accepted it")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    reported = say(api, "word " * 1500, "WHATSAPP", "+49 151 1234567")
    page.goto(f"/console/messages/{reported['id']}")
    expect(way).to_contain_text("Waiting for WhatsApp's report")
    for number, provider_id in enumerate(reported["providerIds"], 1):
        assert meta_says(hook, whatsapp(provider_id, "delivered")).ok
        expect(way).to_contain_text(f"Part {number} of 2.")
    expect(way).to_contain_text("Delivered to the customer")
    accessible(page)
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    assert visit(other).get(f"{api.base_url}/console/messages/{lost}", timeout=40).status_code == 404
