"""Delivery reports: a message that failed after the vendor's yes goes out once more; one whose answer was lost does not."""

from contextlib import suppress

from scene import Case, Row, told, workspace

from jobs.webhook_retry import retry_send
from nightshift import clock
from nightshift.channels import accounts, attempts, messages, reports
from nightshift.channels.report import Report
from nightshift.db.session import DISCONNECTED, statement, transaction
from nightshift.errors import TemporaryError
from nightshift.outbox import Lease
from runner.run import run_here

CREDENTIALS = {"accessToken": "1:token", "phoneNumberId": "1055"}


def _accepted() -> tuple[Row, Lease]:
    row = workspace()
    with transaction() as session:
        accounts.put(session, row["workspace_id"], "WHATSAPP", CREDENTIALS)
        place = row["workspace_id"], row["agent_id"], "WHATSAPP", "customer"
        message_id, lease = messages.accept(session, *place, "Hello")
    assert lease
    return {**row, "id": message_id, "generation": lease.generation}, lease


def _failed_after_the_yes(number: int) -> Row:
    row, lease = _accepted()
    run_here(retry_send, lease)
    [sent] = statement("SELECT provider_ids FROM messages WHERE id = %(id)s", id=row["id"])
    failed = Report(sent.provider_ids[0], "failed", clock.now(), "", TemporaryError("WhatsApp is having trouble."))
    reports.take(row["workspace_id"], "WHATSAPP", [failed])
    return row


def _answer_lost(number: int) -> Row:
    """As a worker leaves it that called, and died before the answer."""
    row, lease = _accepted()
    attempts.begin(lease)
    return row


def _report(row: Row) -> None:
    """What the vendor says of the lost one. Where Postgres ended the session of who was stopped, it gets a 503."""
    key = f"{row['id']}/1/{row['generation']}"
    with suppress(*DISCONNECTED):
        reports.take(row["workspace_id"], "WHATSAPP", [Report(f"lost {row['id']}", "delivered", clock.now(), key)])


def _sent_twice(row: Row, delivered: list[str]) -> list[str]:
    """And once more for each unknown attempt."""
    message, outcomes = _found(row)
    spare = outcomes.count("unknown")
    right = message == ("SENT", "accepted") and outcomes[:1] == ["failed"] and 2 <= len(delivered) <= 2 + spare
    return [] if right else [f"message: {message}, attempts: {outcomes}, delivered {len(delivered)} times"]


def _settled(row: Row, delivered: list[str]) -> list[str]:
    """Sent again only by who could not know: the report that died with its process was repeated too late."""
    _report(row)
    message, outcomes = _found(row)
    right = message == ("SENT", "delivered") and outcomes[:1] == ["sent"] and len(delivered) <= 1
    once = told("message_sent", row) == 1 and told("message_delivered", row) == 1
    return [] if right and once else [f"message: {message}, attempts: {outcomes}, delivered {len(delivered)} times"]


def _found(row: Row) -> tuple[tuple[str, str], list[str]]:
    [message] = statement("SELECT status, delivery_state FROM messages WHERE id = %(id)s", id=row["id"])
    query = "SELECT outcome FROM message_attempts WHERE message_id = %(id)s ORDER BY generation"
    return tuple(message), [attempt.outcome for attempt in statement(query, id=row["id"])]


CASES = {
    "retry_send after a report of failure": Case(
        "webhook_retry.retry_send", _failed_after_the_yes, _sent_twice, may_repeat=True
    ),
    "the report of a lost answer": Case("webhook_retry.retry_send", _answer_lost, _settled, here=_report),
}
