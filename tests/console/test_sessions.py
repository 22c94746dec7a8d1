"""Who is let into the console, how, and for how long."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from client import OPERATOR_KEY
from production import in_production

from nightshift import clock, workspaces
from nightshift.db.session import statement, transaction
from nightshift.settings import settings
from web import create_app
from web.console import session as sessions
from web.console import sign_in

PAGE = "/console/knowledge"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """A new workspace's; nobody has guessed wrong yet."""
    monkeypatch.setattr(sign_in, "wrong", sign_in.WrongGuesses(10, 6))
    with transaction() as session:
        return workspaces.create(session, "Console", "x@example.com", 0, 0)[2]


def visit(key: str | None = None, **headers: str) -> Any:
    """A browser, signed in where it has a key."""
    visitor = create_app().test_client()
    if key:
        assert enter(visitor, key, **headers).status_code == 303
    return visitor


def enter(visitor: Any, key: str, to: str = PAGE, **headers: str) -> Any:
    return visitor.post("/console/sign-in", data={"key": key, "next": to}, headers=headers)


def cookie(answer: Any) -> str:
    return str(next(each for each in answer.headers.getlist("Set-Cookie") if each.startswith(sessions.COOKIE)))


def test_a_page_leads_to_the_sign_in_page_and_that_one_back(key: str) -> None:
    visitor = visit()
    away = visitor.get(f"{PAGE}?status=ERROR&q=a+b")
    assert (away.status_code, away.location) == (
        303,
        "/console/sign-in?next=/console/knowledge%3Fstatus%3DERROR%26q%3Da%2Bb",
    )
    assert 'value="/console/knowledge?status=ERROR&amp;q=a+b"' in visitor.get(away.location).text
    back = enter(visitor, key, f"{PAGE}?status=ERROR")
    assert (back.status_code, back.location) == (303, f"{PAGE}?status=ERROR")
    assert visitor.get(PAGE).status_code == 200
    assert visitor.get("/").location == "/console" and visitor.get("/console").location == PAGE


@pytest.mark.parametrize(
    "to", ["https://evil.example/console", "//evil.example", "/v1/keys", "/console\\@evil.example", ""]
)
def test_it_leads_nowhere_else(key: str, to: str) -> None:
    assert enter(visit(), key, to).location == "/console"


def test_the_cookie_is_out_of_reach_and_lasts_a_week(key: str) -> None:
    sent = cookie(enter(visit(), key))
    assert {"HttpOnly", "SameSite=Strict", "Path=/console", "Max-Age=604800"} <= set(sent.split("; "))
    assert key not in sent and "Secure" not in sent
    assert "Secure" in cookie(enter(visit(), key, Origin="https://localhost"))


@pytest.mark.parametrize(
    ("wrong", "status", "sentence"),
    [
        ("", 401, "Enter a key."),
        ("nsk_wrong", 401, "This key is not valid."),
        ("operator-key", 401, "This key is not valid."),
        ("é\0", 400, "The form contains a NUL character."),
    ],
)
def test_a_wrong_key_stays_here_and_is_told_so(key: str, wrong: str, status: int, sentence: str) -> None:
    refused = enter(visit(), wrong)
    assert refused.status_code == status and sentence in refused.text and "Set-Cookie" not in refused.headers


def test_guesses_are_bounded_and_a_workspace_key_is_none(key: str) -> None:
    visitor = visit()
    assert [enter(visitor, f"guess {n}").status_code for n in range(11)] == [401] * 10 + [429]
    late = enter(visitor, OPERATOR_KEY)
    assert late.status_code == 429 and "Too many wrong keys. Try again in " in late.text
    assert enter(visitor, key).status_code == 303
    elsewhere = visitor.post("/console/sign-in", data={"key": OPERATOR_KEY}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 303
    assert enter(visit(), OPERATOR_KEY, **{"X-Forwarded-For": "127.0.0.1, 192.0.2.8"}).status_code == 303, (
        "by our proxy"
    )


def test_signing_out_ends_the_session_in_every_tab_and_for_every_copy(key: str) -> None:
    visitor, other_session = visit(), visit(key)
    copy = cookie(enter(visitor, key)).partition("=")[2].partition(";")[0]
    thief = visit()
    thief.set_cookie(sessions.COOKIE, copy, path="/console")
    assert thief.get(PAGE).status_code == 200
    assert visitor.post("/console/sign-out").location == "/console/sign-in"
    assert [each.get(PAGE).status_code for each in (visitor, thief, other_session)] == [303, 303, 200]
    assert visitor.post("/console/sign-out").location == "/console/sign-in", "in the other tab"


def test_it_ends_with_its_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor, operator = visit(key), visit(OPERATOR_KEY)
    workspace_id, key_id = workspaces.owner_of(key) or ("", "")
    with transaction() as session:
        workspaces.create_key(session, workspace_id)
        workspaces.delete_key(session, workspace_id, key_id)
    assert visitor.get(PAGE).status_code == 303
    assert operator.get(PAGE).status_code == 404, "an operator has no knowledge"
    monkeypatch.setattr(sessions, "settings", lambda: replace(settings(), admin_api_key="another"))
    assert operator.get(PAGE).status_code == 303


def test_a_forged_or_old_cookie_opens_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = visit()
    for forged in ("", "x", "WyJhIiwiYiJd.aaaaaa.bbbb", key, sessions.signed("said").dumps(["a", "b"])):
        visitor.set_cookie(sessions.COOKIE, forged, path="/console")
        assert visitor.get(PAGE).status_code == 303
    enter(visitor, key)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=6.9))
    assert visitor.get(PAGE).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=7.1))
    assert visitor.get(PAGE).status_code == 303


def test_an_ended_session_is_known_as_long_as_its_cookie_would_be_valid(key: str) -> None:
    for name, days in (("old", 8), ("recent", 6)):
        ended = f"INSERT INTO ended_sessions (id, ended_at) VALUES (%(id)s, now() - interval '{days} days')"
        statement(ended, id=f"{name} {key}")
    with transaction() as session:
        workspaces.prune_sessions(session)
    assert [row.id for row in statement("SELECT id FROM ended_sessions WHERE id LIKE %(ids)s", ids=f"% {key}")] == [
        f"recent {key}"
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
def test_another_sites_page_changes_nothing(key: str, headers: dict[str, str]) -> None:
    visitor = visit(key)
    for path in ("/console/sign-in", "/console/sign-out", "/console/knowledge/addresses", "/console/sign-in/demo"):
        refused = visitor.post(path, data={"key": key}, headers=headers)
        assert refused.status_code == 403 and "Only this server" in refused.text and refused.mimetype == "text/html"
    assert visitor.get(PAGE).status_code == 200


def test_behind_a_proxy_with_another_name_public_url_is_ours_too(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.origin.settings", lambda: replace(settings(), public_url="https://support.example.com"))
    headers = {"Origin": "https://support.example.com", "Sec-Fetch-Site": "same-origin"}
    assert "Secure" in cookie(enter(visit(), key, **headers))


def test_the_demo_workspace_is_for_the_developers_own_machine(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "DATA_DIR", tmp_path)
    button, post = (
        "Use the demo workspace",
        lambda visitor, **headers: visitor.post("/console/sign-in/demo", headers=headers),
    )
    assert button not in visit().get("/console/sign-in").text and post(visit()).status_code == 404
    (tmp_path / "demo.json").write_text(json.dumps({"apiKey": key}))
    visitor = visit()
    page = visitor.get("/console/sign-in").text
    assert button in page and key not in page
    assert post(visitor).location == "/console" and visitor.get(PAGE).status_code == 200
    assert post(visit(), **{"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    with in_production():
        assert button not in visit().get("/console/sign-in").text and post(visit()).status_code == 404


def test_the_sign_in_page_is_asked_for_again_by_a_browser_that_has_it(key: str) -> None:
    visitor = visit()
    tag = visitor.get("/console/sign-in").headers["ETag"]
    assert visitor.get("/console/sign-in", headers={"If-None-Match": tag}).status_code == 304


def test_bad_input_to_the_sign_in_page_is_an_error_in_words(key: str) -> None:
    visitor: Any = visit()
    strange: list[Callable[[], Any]] = [
        lambda: visitor.post("/console/sign-in", json={"key": key}),
        lambda: visitor.post("/console/sign-in", data=b"\xff" * 10, content_type="application/x-www-form-urlencoded"),
        lambda: visitor.post("/console/sign-in", data={"key": "x" * 100_000}),
    ]
    for ask in strange:
        assert ask().status_code == 401
    assert visitor.get("/console/sign-in?next=%00").status_code == 400
    assert visitor.put("/console/sign-in").status_code == 405
    tag = visitor.get("/console/sign-in").headers["ETag"]
    assert visitor.get("/console/sign-in", headers={"If-None-Match": tag}).status_code == 304
