"""Mail as a workspace and its vendor see it."""

from typing import Any
from uuid import uuid4

import requests
from client import OPERATOR_KEY, Client
from recorder import Answer, Recorder, Request
from sqlalchemy import text
from sqlalchemy.orm import Session
from stack import wait_for


def announce(api: Client, number: str | None = None, **changes: Any) -> requests.Response:
    """An invoice, announced by the operator."""
    number = number or f"INV-{uuid4().hex}"
    url = f"https://billing.example/{number}"
    body = {"number": number, "amountDue": 129.5, "currency": "EUR", "url": url, **changes}
    return api("POST", f"/v1/workspaces/{api.workspace_id}/invoices", key=OPERATOR_KEY, json=body)


def mails(api: Client, **query: Any) -> list[dict[str, Any]]:
    answer = api("GET", "/v1/emails", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def mail(api: Client, mail_id: str) -> dict[str, Any]:
    return next(m for m in mails(api) if m["id"] == mail_id)


def announced(api: Client, vendors: Recorder, *answers: Answer) -> tuple[str, str]:
    """An invoice's mail, to which Resend gives these answers first: (its id, a word of it)."""
    word = f"INV-{uuid4().hex}"
    vendors.script(word, *answers)
    assert announce(api, word).status_code == 201
    return mails(api)[0]["id"], word


def settled(api: Client, mail_id: str, status: str | None = None) -> dict[str, Any]:
    """The mail once it is SENT or FAILED (or has `status`)."""

    def there() -> dict[str, Any] | None:
        found = mail(api, mail_id)
        return found if found["status"] in ([status] if status else ["SENT", "FAILED"]) else None

    return dict(wait_for(there, explain=lambda: str(mail(api, mail_id))))


def sent(vendors: Recorder, word: str) -> list[Request]:
    """What Resend was asked to send with this word in it."""
    return vendors.asked("/resend/emails", word)


def keep_from_workers(session: Session, mail_id: str) -> None:
    """The mail is due in three days: no worker of a running stack sends it. By hand it can be sent."""
    later = text("UPDATE outbox SET due_at = due_at + interval '3 days' WHERE row_id = :id")
    session.execute(later, {"id": mail_id})


def key_of(request: Request) -> str:
    return request.headers["idempotency-key"]
