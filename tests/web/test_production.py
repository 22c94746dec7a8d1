"""In production there is no page for developers, and no failure tells more than that it is one."""

from collections.abc import Iterator
from typing import Any

import pytest
from client import OPERATOR_KEY
from production import in_production

from nightshift import workspaces
from nightshift.db.session import transaction
from web import create_app

INTERNAL = "internal words of /srv/app/secret.py"
TALKATIVE = (
    "Traceback",
    "internal",
    "secret.py",
    "RuntimeError",
    "File ",
    "sqlalchemy",
    "psycopg2",
    "site-packages",
    "at line",
)


@pytest.fixture
def production() -> Iterator[None]:
    with in_production():
        yield


@pytest.fixture
def key() -> str:
    with transaction() as session:
        return workspaces.create(session, "Production", "x@example.com", 0, 0)[2]


def test_what_is_for_developers_is_404_by_any_method_and_with_any_key(key: str) -> None:
    developers = [rule for rule in create_app().url_map.iter_rules() if not rule.rule.startswith("/v1/")]
    with in_production():
        app = create_app()
        there = {rule.rule for rule in app.url_map.iter_rules()}
        gone = [rule for rule in developers if rule.rule not in there]
        assert {rule.rule.split("/")[1] for rule in gone} == {"admin"}
        for rule in gone:
            path = "".join("0" if dynamic else part for dynamic, part in rule._trace if part not in ("", "|"))
            for method in rule.methods or ():
                for headers in ({}, *({"Authorization": f"Bearer {k}"} for k in (key, OPERATOR_KEY))):
                    assert app.test_client().open(path, method=method, headers=headers).status_code == 404, path
        assert there == {"/", "/docs", "/openapi.json", "/healthz", "/readyz", "/readyz/web", "/metrics"} | {
            path for path in there if path.startswith(("/v1/", "/console"))
        }


@pytest.mark.parametrize("kind", ["development", "production"])
def test_a_failure_of_ours_says_only_that_it_is_one(
    kind: str, key: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if kind == "production":
        request.getfixturevalue("production")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(INTERNAL)

    monkeypatch.setattr("web.api.workspaces.workspaces.create_agent", fail)
    app = create_app()
    answer = app.test_client().post("/v1/agents", json={"name": "A"}, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 500
    assert answer.get_json() == {
        "type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "Something went wrong on our side."
    }  # fmt: skip
    assert not any(word in answer.text for word in TALKATIVE)
    assert not app.debug and not app.testing


def test_a_row_that_is_no_valid_response_is_a_failure_of_ours(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.api.workspaces.page", lambda rows, limit: {"items": [INTERNAL], "next_cursor": None})
    answer = create_app().test_client().get("/v1/agents", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 500
    assert INTERNAL not in answer.text
