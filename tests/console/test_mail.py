"""Mail in the console: read in a frame that runs nothing, sent again, and why nothing is sent to an address that bounced."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from client import OPERATOR_KEY, Client
from mails import announced, keep_from_workers, settled
from playwright.sync_api import Page, expect
from production import in_production
from recorder import Answer, Recorder
from reporting import resend_says

from jobs.email import send
from nightshift import clock, mail, workspaces
from nightshift.db.models import Email
from nightshift.db.session import transaction
from web import create_app
from web.console import sign_in as sign_in_page

HOSTILE = dict(
    agent="Agent", channel="LINE", customer="</iframe><script>alert(1)</script>", reason='"><img src=x onerror=x>'
)


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """A hostile handoff's mail of a new workspace: (its id, the workspace's address, the workspace's key)."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    monkeypatch.setattr(sign_in_page, "wrong", sign_in_page.WrongGuesses(10, 6))
    address = f"{uuid4().hex}@example.com"
    with transaction() as session:
        workspace, _, key = workspaces.create(session, "Acme", address, 0, 0)
        mail_id = mail.enqueue(session, workspace.id, "handoff", "1", **HOSTILE)
        assert mail_id
        keep_from_workers(session, mail_id)
    send(mail_id)
    return mail_id, address, key


def visit(key: str) -> Any:
    visitor = create_app().test_client()
    assert visitor.post("/console/sign-in", data={"key": key}).status_code == 303
    return visitor


def test_a_captured_mail_counts_as_sent(captured: tuple[str, str, str]) -> None:
    with transaction() as session:
        email = session.get_one(Email, captured[0])
        assert (email.status, email.provider_id, email.maybe_sent_at) == ("SENT", "captured", None)
        assert email.sent_at == clock.now()


def test_a_workspace_sees_its_own_mail_and_an_operator_all(captured: tuple[str, str, str]) -> None:
    mail_id, address, key = captured
    with transaction() as session:
        other = workspaces.create(session, "Other", "other@example.com", 0, 0)[2]
    for secret, sees in ((key, True), (other, False), (OPERATOR_KEY, True)):
        visitor = visit(secret)
        assert (address in visitor.get("/console/mail").text) is sees
        assert (address in visitor.get("/console/mail?status=SENT").text) is sees
        for path in (f"/console/mail/{mail_id}", f"/console/mail/{mail_id}/html"):
            assert visitor.get(path).status_code == (200 if sees else 404)
    assert "No mail matches." in visit(key).get("/console/mail?status=FAILED").text
    assert "There is no mail yet." in visit(other).get("/console/mail").text
    with in_production():
        assert visit(OPERATOR_KEY).get(f"/console/mail/{mail_id}").status_code == 200


def test_a_mail_is_shown_as_html_in_a_cage_and_as_text(captured: tuple[str, str, str]) -> None:
    mail_id, _, key = captured
    page, html = (visit(key).get(f"/console/mail/{mail_id}{of}") for of in ("", "/html"))
    assert f'sandbox src="/console/mail/{mail_id}/html"' in page.text
    for shown in (page, html):
        assert "&lt;/iframe&gt;&lt;script&gt;alert(1)" in shown.text
        assert "<script>" not in shown.text and "<img" not in shown.text
    policy = html.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox;" in policy and "script-src" not in policy
    assert (html.headers["X-Frame-Options"], page.headers["X-Frame-Options"]) == ("SAMEORIGIN", "DENY")


@pytest.mark.slow
def test_send_again_what_failed_and_be_told_why_nothing_is_sent(
    page: Page, api: Client, vendors: Recorder, new_page: Callable[..., Page], sign_in: Any, accessible: Any
) -> None:
    page.goto("/console/mail")
    expect(page.get_by_text("There is no mail yet.")).to_be_visible()
    mail_id, word = announced(api, vendors, Answer(422, {"name": "validation_error", "message": "no"}))
    row = page.get_by_role("row", name=word)
    expect(row).to_contain_text("FAILED")  # by itself
    accessible(page)
    row.get_by_role("button", name="Send again").click()
    expect(row).to_contain_text("SENT")
    row.get_by_role("link", name=word).click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Open the invoice")).to_be_visible()
    expect(frame.get_by_role("link", name="Open the invoice")).to_have_css("color", "rgb(255, 255, 255)")
    expect(page.get_by_role("group", name="The mail as plain text")).to_contain_text(word)
    accessible(page)
    provider_id = settled(api, mail_id)["providerId"]
    page.goto("/console/mail")
    assert resend_says(api, "email.bounced", provider_id, bounce={"type": "Permanent"}).status_code == 200
    expect(page.get_by_role("heading", name="Mail to owner@example.com bounced")).to_be_visible()
    expect(page.get_by_text("Nothing is sent to this address until it is changed.")).to_be_visible()
    accessible(page)
    changed = {"notifyEmail": "new@example.com"}
    assert api("PATCH", f"/v1/workspaces/{api.workspace_id}", key=OPERATOR_KEY, json=changed).ok
    expect(page.get_by_role("heading", name=re.compile("bounced"))).to_have_count(0)
    handed = {"channelType": "LINE", "customerId": "Jörg & Söhne", "reason": "Asks for a person"}
    assert api("POST", f"/v1/agents/{api.agent_id}/handoffs", json=handed).ok
    page.get_by_role("link", name="hands a conversation over").click()
    link = frame.get_by_role("link", name="Open the conversation").get_attribute("href")
    page.goto(str(link))
    expect(page.get_by_label("Customer")).to_have_value("Jörg & Söhne")
    expect(page.get_by_text("No message matches.")).to_be_visible()
    operator = new_page()
    sign_in(operator, OPERATOR_KEY, "/console/mail")
    expect(operator.get_by_role("row", name=word)).to_contain_text(api.workspace_id)
    accessible(operator)
