"""What a support team does with channels in the console."""

from typing import Any

import pytest
from client import Client
from playwright.sync_api import Page, expect
from recorder import Answer, Recorder
from stack import Stack

REVOKED = Answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})


@pytest.mark.slow
def test_connect_a_channel_write_a_message_pause_resume_remove(
    page: Page, api: Client, stack: Stack, vendors: Recorder, accessible: Any
) -> None:
    page.goto("/console/messages")
    page.get_by_role("link", name="connect a channel").click()
    expect(page.get_by_text("No channel is connected yet.")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="WhatsApp").click()
    page.get_by_label("Phone number ID").fill("10 55")
    page.get_by_label("Access token").fill("token-of-it")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Phone number ID: contains an invalid character")
    expect(page.get_by_label("Access token")).to_have_value("token-of-it")
    page.get_by_label("Phone number ID").fill("1055")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Callback URL")).to_be_visible()
    expect(page.get_by_text("/v1/hooks/WHATSAPP/")).to_be_visible()
    expect(page.get_by_text("Verify token")).to_be_visible()
    row = page.get_by_role("row", name="WhatsApp")
    expect(row).to_contain_text("works")
    assert "token-of-it" not in page.content()

    row.get_by_role("button", name="Pause").click()
    page.get_by_label("Reason").fill("Holiday " + "ü" * 40)
    page.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("PAUSED")
    expect(row).to_contain_text("Holiday")
    accessible(page)
    page.goto("/console/messages/new")
    page.get_by_label("Customer").fill(" \u200b ")
    page.get_by_label("Text").fill("  ")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("Text: must not be blank")
    page.get_by_label("Customer").fill("+49 151 1234567")
    page.get_by_label("Text").fill("مرحبا <b>")
    accessible(page)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("491511234567")
    expect(page.get_by_role("status")).to_have_text("The message is on its way.")
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("The channel is paused")
    other = page.context.new_page()
    other.goto("/console/channels")
    other.get_by_role("button", name="Resume").click()
    expect(other.get_by_role("row", name="WhatsApp")).to_contain_text("ACTIVE")
    expect(timeline).to_contain_text("WhatsApp accepted it")  # by itself
    accessible(page)

    other.get_by_role("button", name="Remove").click()
    other.get_by_role("button", name="Remove").click()
    expect(other.get_by_role("row", name="WhatsApp")).to_contain_text("REFUSED")
    other.get_by_role("link", name="Connect again").click()
    expect(other.get_by_label("Access token")).to_be_visible()
    accessible(other)
