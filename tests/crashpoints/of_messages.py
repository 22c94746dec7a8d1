"""A message of three parts and one behind it: each part arrives once, in order.

Again only where a try is unknown and the vendor knows no key.
"""

from collections.abc import Callable

from scene import Case, Row, count, told, workspace

from jobs.webhook_retry import retry_send
from nightshift.channels import CHANNELS, accounts, messages
from nightshift.db.session import statement, transaction
from nightshift.outbox import Lease
from runner.dispatch import dispatch
from runner.run import run_here

LEASE = ("job", "row_id", "workspace_id", "generation", "owner", "runs", "failures", "waited_seconds")


def _accepted(channel: str, *, here: bool) -> Callable[[int], Row]:
    """`here`: with the lease for the try inside the request; otherwise a worker may have it."""

    def prepare(number: int) -> Row:
        row = {**workspace(), "channel": channel, "ids": []}
        text = "\n\n".join(f"{part} " + "x" * int(CHANNELS[channel].limit.max * 0.6) for part in "123")
        with transaction() as session:
            accounts.put(session, row["workspace_id"], channel, dict.fromkeys(CHANNELS[channel].fields, "1:token"))
            for content in (text, "4"):
                place = row["workspace_id"], row["agent_id"], channel, "customer"
                message_id, lease = messages.accept(session, *place, content)
                row["ids"].append(message_id)
                if lease and here:
                    row["lease"] = {name: getattr(lease, name) for name in LEASE}
                elif lease:
                    lease.release(session)
        return row

    return prepare


def _try_inside_the_request(row: Row) -> None:
    run_here(retry_send, Lease(**row["lease"]))
    dispatch(retry_send.name, row["workspace_id"])


def _sent(row: Row, delivered: list[str]) -> list[str]:
    unknown = "SELECT count(*) FROM message_attempts WHERE outcome = 'unknown' AND message_id = ANY(%(ids)s)"
    spare = 0 if CHANNELS[row["channel"]].honours_key else count(unknown, ids=row["ids"])
    found = statement("SELECT status, error FROM messages WHERE id = ANY(%(ids)s)", ids=row["ids"])
    statuses = {tuple(message) for message in found}
    parts = [text.partition(" ")[0] for text in delivered]
    wrong = [] if statuses == {("SENT", None)} else [f"messages are {statuses}"]
    if list(dict.fromkeys(parts)) != list("1234") or parts != sorted(parts) or len(parts) > 4 + spare:
        wrong.append(f"delivered: {parts}, of which {spare} may be repeated")
    return wrong + ([] if told("message_sent", row) == 2 else ["message_sent is not told once each"])


CASES = {
    "retry_send after a 429": Case(
        "webhook_retry.retry_send", _accepted("TELEGRAM", here=False), _sent, may_repeat=True, first_status=429
    ),
    "retry_send without a key": Case(
        "webhook_retry.retry_send", _accepted("TELEGRAM", here=False), _sent, may_repeat=True
    ),
    "retry_send with a key": Case("webhook_retry.retry_send", _accepted("LINE", here=False), _sent),
    "the try inside the request": Case(
        "webhook_retry.retry_send",
        _accepted("TELEGRAM", here=True),
        _sent,
        here=_try_inside_the_request,
        may_repeat=True,
    ),
}
