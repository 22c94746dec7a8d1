"""A page that stays open: true within a second, at rest for whoever is at it, and back by itself after an outage."""

from collections.abc import Callable
from typing import Any

import pytest
from client import Client
from playwright.sync_api import Page, expect
from stack import Stack, wait_for

pytestmark = pytest.mark.slow

COUNT_POLLS = "performance.getEntriesByType('resource').filter(each => each.initiatorType === 'fetch').length"
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def change(stack: Stack, doc_id: str, status: str) -> None:
    stack.sql("UPDATE documents SET status = %s, updated_at = now() WHERE id = %s", status, doc_id)


def test_nothing_moves_that_someone_is_at(page: Page, stack: Stack, add_row: Callable[..., str]) -> None:
    first, held = add_row("First", "ERROR"), page.locator("#held")
    show = page.get_by_role("button", name="1 change: show")
    row = page.get_by_role("row", name="First")
    expect(row).to_be_visible()

    # A button has the focus: its row goes on telling its status, and a new row waits until it is asked for.
    button = row.get_by_role("button", name="Delete")
    button.focus()
    page.get_by_label("Ask a question").evaluate("field => field.value = 'half a question'")
    change(stack, first, "PENDING")
    expect(row).to_contain_text("PENDING")
    expect(button).to_be_focused()
    add_row("Second", "PENDING")
    expect(held).to_be_visible()
    expect(page.get_by_role("row", name="Second")).to_have_count(0)
    expect(button).to_be_focused()
    page.locator("#held").click()
    expect(page.get_by_role("row", name="Second")).to_be_visible()
    expect(held).to_be_hidden()
    expect(page.get_by_label("Ask a question")).to_have_value("half a question")

    # Words are selected: they stay so, while the rest of the page goes on.
    page.get_by_role("row", name="Second").get_by_role("link").evaluate(
        "link => getSelection().selectAllChildren(link)"
    )
    add_row("Third", "PENDING")
    expect(show).to_be_visible()
    change(stack, first, "READY")
    expect(row).to_contain_text("READY")
    assert page.evaluate("getSelection().toString()") == "Second"
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.get_by_role("row", name="Third")).to_be_visible()
    expect(held).to_be_hidden()

    # What is read stays where it is on the screen, although rows come in above it.
    for number in range(40):
        add_row(f"Filling {number}", "READY")
    expect(page.get_by_role("row", name="Filling 39")).to_be_visible()
    read = page.get_by_role("row", name="Filling 10")
    read.scroll_into_view_if_needed()
    assert page.evaluate("scrollY") > 500
    before = read.bounding_box()
    add_row("Newest", "PENDING")
    expect(page.get_by_role("row", name="Newest")).to_have_count(1)
    after = read.bounding_box()
    assert before and after and abs(before["y"] - after["y"]) < 2


def test_a_hidden_page_asks_nothing(page: Page, add_row: Callable[..., str]) -> None:
    wait_for(lambda: page.evaluate(COUNT_POLLS) > 0)
    page.evaluate(HIDE, True)
    page.wait_for_timeout(1500)
    polls = page.evaluate(COUNT_POLLS)
    add_row("Meanwhile", "PENDING")
    page.wait_for_timeout(2500)
    assert page.evaluate(COUNT_POLLS) == polls
    page.evaluate(HIDE, False)
    expect(page.get_by_role("row", name="Meanwhile")).to_be_visible()


def test_the_connection_and_the_database_go_away_and_come_back(
    page: Page, stack: Stack, add_row: Callable[..., str], accessible: Any
) -> None:
    banner = page.get_by_role("alert").filter(has_text="trying again.")
    page.context.set_offline(True)
    expect(banner).to_contain_text("No connection since")
    page.context.set_offline(False)
    expect(banner).to_be_hidden()

    late = page.context.new_page()
    with stack.postgres_away():
        expect(banner).to_contain_text("The database is not available.")
        late.goto("/console/knowledge")
        expect(late.get_by_text("The database is not available.")).to_be_visible()
        accessible(late)
    stack.wait_ready()
    expect(banner).to_be_hidden()
    expect(late.get_by_role("region", name="Documents")).to_be_visible()
    add_row("After it all", "PENDING")
    for each in (page, late):
        expect(each.get_by_role("row", name="After it all")).to_be_visible()


def test_signed_out_in_one_tab_or_without_its_key_a_page_leads_to_the_sign_in_page(
    page: Page, api: Client, sign_in: Callable[..., None], new_page: Callable[..., Page]
) -> None:
    other_tab, other_browser = page.context.new_page(), new_page()
    other_tab.goto("/console/knowledge?status=ERROR")
    second = api("POST", "/v1/keys").json()
    sign_in(other_browser, second["apiKey"])
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Key")).to_be_focused()
    expect(other_tab.get_by_label("Key")).to_be_visible()
    expect(other_browser.get_by_role("button", name="Sign out")).to_be_visible()
    sign_in(other_tab, api.key, other_tab.url)
    expect(other_tab).to_have_url(f"{api.base_url}/console/knowledge?status=ERROR")

    assert api("DELETE", f"/v1/keys/{second['id']}").status_code == 204
    expect(other_browser.get_by_label("Key")).to_be_visible()
    expect(other_tab.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_link_on_another_site_leads_in(page: Page, api: Client) -> None:
    """Browsers send no SameSite=Strict cookie with it."""
    mail = page.context.new_page()
    link = f'<a href="{api.base_url}/console/knowledge?status=ERROR">Open</a>'
    mail.route("http://mail.example/**", lambda route: route.fulfill(body=link, content_type="text/html"))
    mail.goto("http://mail.example/inbox")
    mail.get_by_role("link").click()
    expect(mail.get_by_role("region", name="Documents")).to_be_visible()
    expect(mail).to_have_url(f"{api.base_url}/console/knowledge?status=ERROR")
