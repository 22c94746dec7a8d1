"""Where the dashboard is, and who may open it."""

import base64
from collections.abc import Iterator

import pytest
from client import OPERATOR_KEY

from nightshift.settings import settings
from web import create_app

PATHS = ("/admin/queues", "/admin/queues/", "/admin/queues/0/data/queues.json", "/admin/queues/static/css/main.css")


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OPENAI_API_KEY", "RESEND_API_KEY", "RESEND_FROM"):
        monkeypatch.setenv(name, "of-the-tests@example.com")
    monkeypatch.setenv("APP_ENV", "production")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize("path", PATHS)
def test_in_production_there_is_none(path: str, production: None) -> None:
    answer = create_app().test_client().get(path, headers=_basic(OPERATOR_KEY))
    assert answer.status_code == 404


@pytest.mark.parametrize("address", ["10.0.0.9", "203.0.113.9", "2001:db8::1", ""])
def test_from_another_machine_it_wants_the_operators_key(address: str) -> None:
    visitor = create_app().test_client()
    for path in PATHS[1:]:
        assert visitor.get(path, environ_base={"REMOTE_ADDR": address}).status_code == 401
        wrong = visitor.get(path, environ_base={"REMOTE_ADDR": address}, headers=_basic("wrong"))
        assert wrong.status_code == 401
        answer = visitor.get(path, environ_base={"REMOTE_ADDR": address}, headers=_basic(OPERATOR_KEY))
        assert answer.status_code == 200


def _basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"operator:{password}".encode()).decode()}
