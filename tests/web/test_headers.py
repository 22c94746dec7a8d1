"""What every answer tells a browser, whoever makes it and whatever it says."""

from typing import Any

import pytest
from client import OPERATOR_KEY
from production import in_production

from nightshift import workspaces
from nightshift.db.session import transaction
from nightshift.settings import settings
from web import create_app

PAGES = ("/docs", "/console/sign-in", "/admin/queues/", "/admin/queues/0/view/jobs")


@pytest.fixture(params=["development", "production"])
def app(request: pytest.FixtureRequest) -> Any:
    if request.param == "production":
        with in_production():
            yield create_app()
    else:
        yield create_app()


@pytest.fixture
def key() -> str:
    with transaction() as session:
        return workspaces.create(session, "Headers", "x@example.com", 0, 0)[2]


def answers(app: Any, key: str) -> Any:
    """Every rule of the map by each method, with no key, a workspace's and the operator's; and a few that are not there."""
    visitor = app.test_client()
    for rule in [rule for rule in app.url_map.iter_rules() if not rule.build_only]:
        path = "".join("0" if dynamic else part for dynamic, part in rule._trace if part not in ("", "|"))
        for method in (rule.methods or set()) | {"DELETE"}:
            for secret in (None, key, OPERATOR_KEY):
                headers = {"Authorization": f"Bearer {secret}"} if secret else {}
                yield f"{method} {path}", visitor.open(path, method=method, headers=headers, buffered=False)
    for path in ("/nowhere", "/v1/knowledge/%00", "/v1/agents?limit=x", "//", "/docs/"):
        yield path, visitor.get(path, headers={"Authorization": f"Bearer {key}"})


def test_every_answer_is_hardened(app: Any, key: str) -> None:
    seen = set()
    for what, answer in answers(app, key):
        seen.add((answer.status_code, answer.mimetype))
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", what
        assert headers["X-Frame-Options"] == "DENY", what
        assert headers["Referrer-Policy"] in ("no-referrer", "same-origin"), what
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], what
        assert "default-src 'none'" in headers["Content-Security-Policy"], what
        assert "Server" not in headers and "X-Powered-By" not in headers, what
        assert ("Strict-Transport-Security" in headers) == (settings().production), what
        if "json" in (answer.mimetype or "") and what.partition(" ")[2].startswith("/v1/"):
            assert headers["Cache-Control"] == "no-store", what
        answer.close()
    assert {200, 401, 404, 405, 422} <= {status for status, _ in seen}
    assert {"application/json", "application/problem+json", "text/html", "text/event-stream"} <= {
        kind for _, kind in seen
    }


def test_no_page_runs_a_script_that_is_not_its_own() -> None:
    visitor = create_app().test_client()
    for path in PAGES:
        policy = dict(
            part.strip().split(" ", 1) for part in visitor.get(path).headers["Content-Security-Policy"].split(";")
        )
        scripts = policy.get("script-src", "'none'")
        assert "'unsafe-inline'" not in scripts and "http" not in scripts and "*" not in scripts, path
