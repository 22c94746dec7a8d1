"""Credits and analytics in the console."""

from typing import Any

import pytest
from client import OPERATOR_KEY, Client
from messaging import put, say
from playwright.sync_api import Page, expect
from recorder import Recorder

from nightshift import workspaces
from nightshift.db.session import transaction
from web import create_app


@pytest.fixture
def signed_in() -> Any:
    """Signed in to a new workspace."""
    with transaction() as session:
        key = workspaces.create(session, "Figures", "x@example.com", 10, 5)[2]
    client = create_app().test_client()
    assert client.post("/console/sign-in", data={"key": key}).status_code == 303
    return client


def test_days_that_cannot_be_shown_are_named(signed_in: Any) -> None:
    for asked, said in (
        ("from=2026-11-20&to=2026-11-01", "To: must be the day of `from` or later"),
        ("from=yesterday", "From: must be a day, like 2026-11-24"),
        ("from=2020-01-01&to=2026-01-01", "at most 400 days"),
    ):
        page = signed_in.get(f"/console/analytics?{asked}")
        assert page.status_code == 200 and said in page.text, asked
    assert signed_in.get("/console/analytics?from=2026-11-01&to=2026-11-20").text.count("Nov 20") >= 7


def test_an_operator_has_none(signed_in: Any) -> None:
    signed_in.post("/console/sign-out")
    signed_in.post("/console/sign-in", data={"key": OPERATOR_KEY})
    for name in ("credits", "analytics", "messages", "channels"):
        assert signed_in.get(f"/console/{name}").status_code == 404


@pytest.mark.slow
def test_figures_show_what_changes(page: Page, api: Client, vendors: Recorder, accessible: Any) -> None:
    for path in ("/console/credits", "/console/analytics", "/docs?q=post+messages", "/docs?q=nothing+of+it"):
        page.goto(path)
        accessible(page)
    page.goto("/console/credits")
    used = dict(json={"amount": 950, "reason": "Antworten für مرحبا"}, headers={"Idempotency-Key": "1"})
    assert api("POST", "/v1/credits/usage", **used).ok
    expect(page.get_by_text("LOW")).to_be_visible()
    expect(page.get_by_role("row", name="مرحبا")).to_contain_text("-950")
    accessible(page)
    page.goto("/console/analytics")
    put(api, "TELEGRAM", vendors)
    out = page.get_by_role("region", name="Messages out")
    expect(out.get_by_role("row").nth(1)).to_contain_text("0")
    say(api, "Hello")
    expect(out.get_by_role("row").nth(1)).to_contain_text("1")
    page.get_by_role("link", name="Last 7 days").click()
    expect(page.get_by_role("region", name="Credits used")).to_contain_text("950")
    accessible(page)
