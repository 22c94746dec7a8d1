"""Resend forgets a key after 24 hours: what is in doubt by then is not repeated by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from mails import keep_from_workers, key_of, sent
from recorder import Answer, Recorder

from jobs.email import send
from nightshift import clock, workspaces
from nightshift import mail as outgoing
from nightshift.db.models import Email
from nightshift.db.session import transaction
from nightshift.errors import PermanentError, TemporaryError
from nightshift.mail.mailbox import retry
from nightshift.settings import settings


class Clock:
    """One that is moved."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **time: float) -> None:
        self.moment += timedelta(**time)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(clock, "now", moved)
    return moved


@pytest.fixture(autouse=True)
def resend(monkeypatch: pytest.MonkeyPatch, vendors: Recorder) -> Iterator[None]:
    for name, value in (("API_KEY", "re_test"), ("FROM", "n@example.com"), ("BASE_URL", f"{vendors.url}/resend")):
        monkeypatch.setenv(f"RESEND_{name}", value)
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def enqueued(vendors: Recorder, *answers: Answer) -> tuple[str, str]:
    word = f"INV-{uuid4().hex}"
    vendors.script(word, *answers)
    with transaction() as session:
        workspace = workspaces.create(session, "Acme", "owner@example.com", 0, 0)[0]
        values = dict(number=word, amount_due=1, currency="EUR", url="https://billing.example/")
        mail_id = outgoing.enqueue(session, workspace.id, "invoice", word, **values)
        assert mail_id
        keep_from_workers(session, mail_id)
    return mail_id, word


def row(mail_id: str) -> Email:
    with transaction() as session:
        return session.get_one(Email, mail_id)


@pytest.mark.parametrize(("hours", "rounds"), [(0.1, 1), (23.9, 1), (23.99, 2), (25, 2), (24 * 40, 2)])
def test_a_retry_uses_a_new_key_once_the_vendor_may_have_forgotten_the_old_one(
    hours: float, rounds: int, now: Clock, vendors: Recorder
) -> None:
    mail_id, word = enqueued(vendors, Answer(500), Answer(400))
    with pytest.raises(TemporaryError):
        send(mail_id)
    now.forward(seconds=10)
    with pytest.raises(PermanentError):
        send(mail_id)
    now.forward(hours=hours)
    with transaction() as session:
        assert retry(session, mail_id)
        assert not retry(session, mail_id)
        keep_from_workers(session, mail_id)
    send(mail_id)
    keys = [key_of(request) for request in sent(vendors, word)]
    assert (row(mail_id).status, row(mail_id).key_round) == ("SENT", rounds)
    assert [key.rpartition("/")[0] for key in keys] == [f"{mail_id}/1", f"{mail_id}/1", f"{mail_id}/{rounds}"]


def test_an_attempt_in_doubt_is_repeated_within_the_day_and_not_after_it(now: Clock, vendors: Recorder) -> None:
    mail_id, word = enqueued(vendors, Answer(500), Answer(500))
    for _ in range(2):
        with pytest.raises(TemporaryError):
            send(mail_id)
        now.forward(hours=23)
    with pytest.raises(PermanentError, match="may have arrived"):
        send(mail_id)
    assert (row(mail_id).status, len(sent(vendors, word))) == ("FAILED", 2)


def test_what_surely_did_not_arrive_is_repeated_whenever(
    now: Clock, vendors: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id, _word = enqueued(vendors, Answer(429, {"name": "rate_limit_exceeded"}))
    with pytest.raises(TemporaryError, match="slowly"):
        send(mail_id)
    now.forward(hours=30)
    monkeypatch.setenv("RESEND_BASE_URL", "http://127.0.0.1:1")  # nobody listens: nothing was sent
    settings.cache_clear()
    with pytest.raises(TemporaryError, match="could not be reached"):
        send(mail_id)
    now.forward(hours=30)
    assert row(mail_id).maybe_sent_at is None
    monkeypatch.setenv("RESEND_BASE_URL", f"{vendors.url}/resend")
    settings.cache_clear()
    send(mail_id)
    assert (row(mail_id).status, row(mail_id).key_round) == ("SENT", 1)


def test_a_worker_that_died_leaves_the_doubt_behind(
    now: Clock, vendors: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id, word = enqueued(vendors)

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr("nightshift.mail.resend.send", die)
        with pytest.raises(Killed):
            send(mail_id)
    assert row(mail_id).maybe_sent_at == now()
    now.forward(hours=25)
    with pytest.raises(PermanentError, match="may have arrived"):
        send(mail_id)
    assert sent(vendors, word) == []


def test_without_an_address_to_send_from_the_operator_is_told(
    now: Clock, vendors: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESEND_FROM")
    settings.cache_clear()
    mail_id, _ = enqueued(vendors)
    with pytest.raises(PermanentError, match="RESEND_FROM"):
        send(mail_id)
    assert row(mail_id).maybe_sent_at is None
