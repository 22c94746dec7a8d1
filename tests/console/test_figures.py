"""Credits and analytics in the console."""

from typing import Any

import pytest
from client import OPERATOR_KEY

from nightshift import workspaces
from nightshift.db.session import transaction
from web import create_app


@pytest.fixture
def visitor() -> Any:
    """Signed in to a new workspace."""
    with transaction() as session:
        key = workspaces.create(session, "Figures", "x@example.com", 10, 5)[2]
    client = create_app().test_client()
    assert client.post("/console/sign-in", data={"key": key}).status_code == 303
    return client


def test_days_that_cannot_be_shown_are_named(visitor: Any) -> None:
    for asked, said in (
        ("from=2026-11-20&to=2026-11-01", "To: must be the day of `from` or later"),
        ("from=yesterday", "From: must be a day, like 2026-11-24"),
        ("from=2020-01-01&to=2026-01-01", "at most 400 days"),
    ):
        page = visitor.get(f"/console/analytics?{asked}")
        assert page.status_code == 200 and said in page.text, asked
    assert visitor.get("/console/analytics?from=2026-11-01&to=2026-11-20").text.count("Nov 20") >= 7


def test_an_operator_has_none(visitor: Any) -> None:
    visitor.post("/console/sign-out")
    visitor.post("/console/sign-in", data={"key": OPERATOR_KEY})
    for name in ("credits", "analytics", "messages", "channels"):
        assert visitor.get(f"/console/{name}").status_code == 404
