"""Without a key in development, mail is captured: it can be read at /dev/mail, by whoever may see the dashboard."""

import base64
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from client import OPERATOR_KEY
from mails import keep_from_workers

from jobs.email import send
from nightshift import clock, mail, workspaces
from nightshift.db.models import Email
from nightshift.db.session import transaction
from nightshift.settings import settings
from web import create_app


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A hostile handoff's mail: (its id, a word of it)."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    word = f"word{uuid4().hex}"
    values = dict(
        agent=f"Agent {word}", channel="LINE", customer="</iframe><script>alert(1)</script>", reason='"><img src=x>'
    )
    with transaction() as session:
        workspace = workspaces.create(session, "Acme", f"{word}@example.com", 0, 0)[0]
        mail_id = mail.enqueue(session, workspace.id, "handoff", "1", **values)
        assert mail_id
        keep_from_workers(session, mail_id)
    send(mail_id)
    return mail_id, word


def ask(path: str, **options: Any) -> Any:
    return create_app().test_client().get(path, environ_base={"REMOTE_ADDR": "127.0.0.1"}, **options)


def test_a_captured_mail_counts_as_sent(captured: tuple[str, str]) -> None:
    with transaction() as session:
        email = session.get_one(Email, captured[0])
        assert (email.status, email.provider_id, email.maybe_sent_at) == ("SENT", "captured", None)
        assert email.sent_at == clock.now()


def test_the_list_names_subject_address_kind_and_time(captured: tuple[str, str]) -> None:
    mail_id, word = captured
    page = ask("/dev/mail")
    with transaction() as session:
        created_at = session.get_one(Email, mail_id).created_at
    assert page.status_code == 200
    for part in (
        f"/dev/mail/{mail_id}",
        f"Agent {word} hands",
        f"{word}@example.com",
        "handoff",
        f"{created_at:%Y-%m-%d %H:%M:%S} UTC",
    ):
        assert part in page.text


def test_a_mail_is_shown_as_html_in_a_cage_and_as_text(captured: tuple[str, str]) -> None:
    mail_id, word = captured
    page = ask(f"/dev/mail/{mail_id}")
    assert page.status_code == 200 and word in page.text
    assert page.text.count("<iframe") == page.text.count("</iframe>") == 1
    assert "<iframe sandbox srcdoc=" in page.text
    assert "<script" not in page.text and "<img" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert "&lt;/iframe&gt;&lt;script&gt;alert(1)" in page.text, "the text beside it"
    assert ask("/dev/mail/mail_none").status_code == 404


def test_what_was_not_captured_is_not_shown(captured: tuple[str, str]) -> None:
    with transaction() as session:
        session.get_one(Email, captured[0]).provider_id = None
    assert captured[0] not in ask("/dev/mail").text
    assert ask(f"/dev/mail/{captured[0]}").status_code == 404


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OPENAI_API_KEY", "RESEND_API_KEY", "RESEND_FROM"):
        monkeypatch.setenv(name, "of-the-tests@example.com")
    monkeypatch.setenv("APP_ENV", "production")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_in_production_there_is_none(captured: tuple[str, str], production: None) -> None:
    for path in ("/dev/mail", "/dev/mail/", f"/dev/mail/{captured[0]}"):
        assert ask(path, headers=_basic(OPERATOR_KEY)).status_code == 404


def test_from_elsewhere_it_wants_the_operators_key(captured: tuple[str, str]) -> None:
    visitor = create_app().test_client()
    for path in ("/dev/mail", f"/dev/mail/{captured[0]}"):
        away = {"REMOTE_ADDR": "203.0.113.9"}
        refused = visitor.get(path, environ_base=away)
        assert (refused.status_code, refused.headers["WWW-Authenticate"][:6]) == (401, "Basic ")
        assert captured[1] not in refused.text
        assert visitor.get(path, environ_base=away, headers=_basic("wrong")).status_code == 401
        assert visitor.get(path, environ_base=away, headers=_basic(OPERATOR_KEY)).status_code == 200
        for header in ("X-Forwarded-For", "Via"):
            assert ask(path, headers={header: "203.0.113.9"}).status_code == 401
        assert ask(path, headers={"Host": "evil.example"}).status_code == 401


def _basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"operator:{password}".encode()).decode()}
