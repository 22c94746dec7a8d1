"""An invoice is announced once, by one mail to whoever the workspace's contact was then."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from client import OPERATOR_KEY, Client
from mails import announce, announced, mails, sent, settled
from recorder import Answer, Recorder, resend_id
from stack import Stack, wait_for


def test_an_invoice_is_mailed_to_the_workspaces_contact(api: Client, vendors: Recorder) -> None:
    number = f"INV-{uuid4().hex}"
    answer = announce(api, number, amountDue=1234.5)
    assert answer.status_code == 201
    invoice = answer.json()
    assert (invoice["number"], invoice["amountDue"], invoice["currency"]) == (number, 1234.5, "EUR")
    [mail] = mails(api)
    mail = settled(api, mail["id"])
    [request] = sent(vendors, number)
    assert mail == {
        "id": mail["id"], "kind": "invoice", "to": "owner@example.com", "status": "SENT", "error": None, "attempts": 1,
        "subject": f"Invoice {number} is ready: 1,234.50 EUR", "nextAttemptAt": None, "mayArriveTwice": False,
        "delivery": {"state": "accepted", "at": mail["delivery"]["at"], "error": None},
        "providerId": resend_id(request.headers["idempotency-key"]), "createdAt": mail["createdAt"], "sentAt": mail["sentAt"],
    }  # fmt: skip
    assert mail["sentAt"] and mail["createdAt"]
    assert (request.method, request.path) == ("POST", "/resend/emails")
    assert request.headers["authorization"] == "Bearer re_test"
    assert set(request.json) == {"from", "to", "subject", "html", "text", "tags"}
    assert request.json["from"] == "Nightshift <nightshift@example.com>"
    assert (request.json["to"], request.json["subject"]) == (["owner@example.com"], mail["subject"])
    for form in ("html", "text"):
        assert f"https://billing.example/{number}" in request.json[form]
        assert "1,234.50 EUR" in request.json[form]


def test_the_same_number_again_gives_the_first_ones_values_and_no_second_mail(api: Client, vendors: Recorder) -> None:
    number = f"INV-{uuid4().hex}"
    first = announce(api, number)
    again = announce(api, number, amountDue="99.00", url="https://elsewhere.example/")
    assert (again.status_code, again.json()) == (200, first.json())
    [mail] = mails(api)
    settled(api, mail["id"])
    assert len(sent(vendors, number)) == 1


def test_many_at_once_are_one_invoice_and_one_mail(api: Client, vendors: Recorder) -> None:
    number = f"INV-{uuid4().hex}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: announce(api, number), range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    [mail] = mails(api)
    settled(api, mail["id"])
    assert len(sent(vendors, number)) == 1


def test_the_same_number_in_another_workspace_is_another_invoice(api: Client) -> None:
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY, notifyEmail="other@example.com")
    number = f"INV-{uuid4().hex}"
    assert [announce(client, number).status_code for client in (api, other)] == [201, 201]
    assert [mails(client)[0]["to"] for client in (api, other)] == ["owner@example.com", "other@example.com"]


def test_the_contact_is_the_one_of_when_the_invoice_came(api: Client, stack: Stack, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors, Answer(500))
    wait_for(lambda: sent(vendors, word))
    change = {"notifyEmail": "later@example.com"}
    assert api("PATCH", f"/v1/workspaces/{api.workspace_id}", key=OPERATOR_KEY, json=change).status_code == 200
    stack.hurry(mail_id)
    assert settled(api, mail_id)["to"] == "owner@example.com"
    assert [request.json["to"] for request in sent(vendors, word)] == [["owner@example.com"]] * 2
    announce(api)
    assert mails(api)[0]["to"] == "later@example.com"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (0, "0.00 EUR"),
        (7, "7.00 EUR"),
        ("1234567.8", "1,234,567.80 EUR"),
        ("0.10", "0.10 EUR"),
        (9999999999999.99, "9,999,999,999,999.99 EUR"),
    ],
)
def test_an_amount_is_a_number_or_a_decimal_string(given: Any, shown: str, api: Client) -> None:
    answer = announce(api, amountDue=given)
    assert (answer.status_code, answer.json()["amountDue"]) == (201, float(given))
    assert mails(api)[0]["subject"].endswith(shown)


def test_a_currency_without_cents_has_none(api: Client) -> None:
    announce(api, amountDue=1200, currency="JPY")
    assert mails(api)[0]["subject"].endswith(": 1,200 JPY")


def test_a_currency_with_thousandths_has_three_decimals(api: Client) -> None:
    answer = announce(api, amountDue="12.345", currency="KWD")
    assert (answer.status_code, answer.json()["amountDue"]) == (201, 12.345)
    assert mails(api)[0]["subject"].endswith(": 12.345 KWD")
    refused = announce(api, amountDue="12.3456", currency="KWD").json()["errors"]
    assert [error["field"] for error in refused] == ["amountDue"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amountDue", -1), ("amountDue", 1.005), ("amountDue", "1,5"), ("amountDue", "NaN"), ("amountDue", "Infinity"),
        ("amountDue", True), ("amountDue", None), ("amountDue", 1e15), ("amountDue", [1]),
        ("currency", "eur"), ("currency", "EURO"), ("currency", ""), ("currency", "EU\n"), ("currency", "ÄÖÜ"),
        ("url", "javascript:alert(1)"), ("url", "data:text/html,x"), ("url", "ftp://x.example/"), ("url", "//x.example/"),
        ("url", "http://"), ("url", "https://bank.example@evil.example/"), ("url", "https://x.example/a b"),
        ("url", "https://x.example/\n"), ("url", "https://[/"), ("url", "https://x.example/" + "a" * 2048), ("url", ""),
        ("number", ""), ("number", " "), ("number", "9" * 101), ("number", 7),
        ("extra", "x"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_named_and_mails_nobody(field: str, value: Any, api: Client) -> None:
    answer = announce(api, "INV-1", **{field: value}) if field != "number" else _numbered(api, value)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert mails(api) == []


def _numbered(api: Client, number: Any) -> Any:
    body = {"number": number, "amountDue": 1, "currency": "EUR", "url": "https://x.example/"}
    return api("POST", f"/v1/workspaces/{api.workspace_id}/invoices", key=OPERATOR_KEY, json=body)


def test_only_the_operator_announces_and_only_for_a_workspace_there_is(api: Client) -> None:
    body = {"number": "1", "amountDue": 1, "currency": "EUR", "url": "https://x.example/"}
    assert api("POST", f"/v1/workspaces/{api.workspace_id}/invoices", json=body).status_code == 401
    assert api("POST", "/v1/workspaces/ws_none/invoices", key=OPERATOR_KEY, json=body).status_code == 404
    assert mails(api) == []
