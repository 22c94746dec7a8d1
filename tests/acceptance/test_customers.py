"""One customer however the number is written, WhatsApp's 24 hours, and forgetting."""

import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from client import OPERATOR_KEY, Client
from mails import announced, mails
from messaging import message, put, say, settled
from recorder import Answer, Recorder
from stack import Stack, wait_for

from jobs.analytics_rollup import daily_rollup
from jobs.retention import retention
from nightshift.channels import CHANNELS
from nightshift.settings import settings
from runner.cron import entries


def inbound(api: Client, customer: str, hours_ago: float = 0) -> None:
    at = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat()
    body = {"channelType": "WHATSAPP", "customerId": customer, "content": "Hello?", "at": at}
    assert api("POST", f"/v1/agents/{api.agent_id}/inbound", json=body).status_code == 201


def today(api: Client) -> dict[str, Any]:
    day = datetime.now(UTC).date().isoformat()
    return dict(api("GET", "/v1/analytics/daily", params={"from": day, "to": day}).json()["items"][0])


def test_a_number_written_in_two_ways_is_one_customer_one_lane_and_one_conversation(
    api: Client, vendors: Recorder
) -> None:
    put(api, "WHATSAPP", vendors)
    vendors.script("the first", Answer(500))
    first = say(api, "the first", "WHATSAPP", "+49 151 1234-5678")
    second = say(api, "the second", "WHATSAPP", "4915112345678")
    assert (first["customerId"], second["customerId"]) == ("4915112345678", "4915112345678")
    assert (second["status"], second["attempts"]) == ("RETRYING", []), "it waits behind the first one"
    assert [settled(api, each["id"])["status"] for each in (first, second)] == ["SENT", "SENT"]
    inbound(api, "0049 (151) 12345678")
    assert today(api)["conversations"] == 1


@pytest.mark.parametrize(
    ("type_", "given", "one"),
    [
        ("WHATSAPP", "+49 151 12345678", "4915112345678"),
        ("WHATSAPP", "US.13491208655302741918", "US.13491208655302741918"),
        ("WHATSAPP", "customer-1", "customer-1"),
        ("WHATSAPP", "+49 (0) 151 12345678", "4915112345678"),
        ("WHATSAPP", "0049(0)151/12345678", "4915112345678"),
        ("WHATSAPP", "\u202a+49 151\u200b 123\u206045678\u202c", "4915112345678"),
        ("WHATSAPP", "\uff0b\uff14\uff19 151 12345678", "4915112345678"),
        ("WHATSAPP", "\u0664\u0669 151 12345678", "4915112345678"),
        ("WHATSAPP", "+49 151 12345678 ext. 9", "+49 151 12345678 ext. 9"),
        ("TWILIO", "4915112345678", "+4915112345678"),
        ("TWILIO", "+49.151.1234/5678", "+4915112345678"),
        ("TWILIO", "WhatsApp:+49 151 12345678", "whatsapp:+4915112345678"),
        ("TWILIO", "12345", "12345"),
        ("TWILIO", "messenger:123", "messenger:123"),
        ("TELEGRAM", "+49 151 12345678", "+49 151 12345678"),
        ("LINE", "4915112345678", "4915112345678"),
    ],
)
def test_the_one_form_of_a_customers_id(type_: str, given: str, one: str) -> None:
    assert CHANNELS[type_].customer(given) == one


def test_outside_whatsapps_24_hours_a_message_fails_at_once_and_says_so(api: Client, vendors: Recorder) -> None:
    put(api, "WHATSAPP", vendors)
    inbound(api, "4915100000001", hours_ago=25)
    inbound(api, "4915100000002", hours_ago=23)
    for customer in ("4915100000001", "4915100000003"):  # too long ago; never
        refused = say(api, f"to {customer}", "WHATSAPP", customer)
        assert (refused["status"], refused["attempts"]) == ("FAILED", [])
        assert "24 hours" in refused["error"]
        assert not vendors.asked("/whatsapp", f"to {customer}")
    assert say(api, "in time", "WHATSAPP", "+4915100000002")["status"] == "SENT"
    put(api, "TELEGRAM", vendors)
    assert say(api, "elsewhere", "TELEGRAM", "4915100000003")["status"] == "SENT"
    inbound(api, "4915100000001")
    assert say(api, "written again", "WHATSAPP", "4915100000001")["status"] == "SENT"


def test_the_window_is_open_however_whatsapp_writes_the_number(api: Client, vendors: Recorder) -> None:
    put(api, "WHATSAPP", vendors)
    for wrote, known in (
        ("5215512345678", "+52 55 1234 5678"),
        ("5491112345678", "541112345678"),
        ("553188887777", "5531988887777"),
    ):
        inbound(api, wrote)
        assert say(api, "in time", "WHATSAPP", known)["status"] == "SENT", known
        inbound(api, f"{known[:-1]}0")
        assert say(api, "in time", "WHATSAPP", f"{wrote[:-1]}0")["status"] == "SENT", wrote
        assert say(api, "never", "WHATSAPP", f"{wrote[:-1]}1")["status"] == "FAILED", wrote


def test_where_no_whatsapp_inbound_is_recorded_the_vendor_decides(api: Client, vendors: Recorder) -> None:
    put(api, "WHATSAPP", vendors)
    inbound(api, "4915100000009", hours_ago=24 * 8)
    assert say(api, "who knows", "WHATSAPP", "4915100000001")["status"] == "SENT"


def test_a_forgotten_customer_is_gone_everywhere_and_the_figures_stay(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word, key = f"word{uuid4().hex}", {"Idempotency-Key": uuid4().hex}
    vendors.script(word, Answer(500))
    body = {"channelType": "TELEGRAM", "customerId": "leaves/now", "content": f"{word} said"}
    path = f"/v1/agents/{api.agent_id}"
    with stack.nothing_moves():
        sent = say(api, "arrived", customer="leaves/now")
        kept = api("POST", f"{path}/messages", json=body, headers=key).json()
        stack.take(kept["id"])
        behind = say(api, f"{word} behind", customer="leaves/now")
    assert (sent["status"], behind["status"]) == ("SENT", "RETRYING")
    stays = say(api, f"{word} stays", customer="another")
    for what, text in (("inbound", "content"), ("handoffs", "reason")):
        said = {"channelType": "TELEGRAM", "customerId": "leaves/now", text: word}
        assert api("POST", f"{path}/{what}", json=said).status_code == 201
    before = today(api)

    # Given a mail as it is in the moment between its end in Postgres and in Redis
    sent_mail = "SELECT row_id FROM outbox WHERE job = 'email.send' AND workspace_id = %s AND state = 'done'"
    [(mail_id,)] = wait_for(lambda: stack.sql(sent_mail, api.workspace_id))
    wait_for(lambda: stack.redis.zrem("rq:finished:email", f"email-send-{mail_id}-1"))

    gone = api("DELETE", "/v1/customers/TELEGRAM/leaves%2Fnow")
    assert (gone.status_code, gone.json()) == (200, {"messages": 3, "inbound": 1, "handoffs": 1, "emails": 1})
    for each in (sent, kept, behind):
        assert api("GET", f"/v1/messages/{each['id']}").status_code == 404
    assert message(api, stays["id"])["status"] == "SENT"
    assert today(api) == before
    for table in ("messages", "inbound_messages", "handoffs", "emails", "events", "message_attempts", "outbox"):
        rows = stack.sql(f"SELECT row_to_json(t)::text FROM {table} t")
        assert not [row for (row,) in rows if "leaves/now" in row or kept["id"] in row or sent["id"] in row], table
    shown = [zlib.decompress(data) for key_ in stack.redis.keys("rq:job:*") if (data := stack.redis.hget(key_, "data"))]
    assert not [data for data in shown if b"leaves/now" in data]
    assert api("POST", f"{path}/messages", json=body, headers=key).status_code == 422, "the kept answer is gone"
    assert api("DELETE", "/v1/customers/TELEGRAM/leaves%2Fnow").json()["messages"] == 0
    assert len(vendors.asked("/telegram", f"{word} behind")) == 0
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    assert other("DELETE", "/v1/customers/TELEGRAM/another").json()["messages"] == 0
    assert api("DELETE", "/v1/customers/NOWHERE/another").status_code == 404
    assert message(api, stays["id"])["status"] == "SENT"


def test_what_is_older_than_retention_days_goes_and_the_figures_stay(
    api: Client, stack: Stack, vendors: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(api, "TELEGRAM", vendors)
    old, new = say(api, "old", customer="a"), say(api, "new", customer="a")
    [mail_id, _] = announced(api, vendors)
    long_ago = datetime.now(UTC) - timedelta(days=91)
    for table, row_id in (("messages", old["id"]), ("emails", mail_id)):
        stack.sql(f"UPDATE {table} SET created_at = %s WHERE id = %s", long_ago, row_id)
    day = long_ago.date().isoformat()

    def figures() -> Any:
        return api("GET", "/v1/analytics/daily", params={"from": day, "to": day}).json()["items"]

    before = figures()
    assert before[0]["messagesOut"] == 1
    with pytest.raises(ValueError, match="RETENTION_DAYS"):
        retention(day)
    monkeypatch.setenv("RETENTION_DAYS", "90")
    settings.cache_clear()
    try:
        assert "retention" in [entry.name for entry in entries()]
        with pytest.raises(ValueError, match="must be"):
            retention(datetime.now(UTC).date().isoformat())
        retention((long_ago + timedelta(days=1)).date().isoformat())
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert "retention" not in [entry.name for entry in entries()]
    assert api("GET", f"/v1/messages/{old['id']}").status_code == 404
    assert message(api, new["id"])["status"] == "SENT"
    assert mail_id not in [mail["id"] for mail in mails(api)]
    assert figures() == before
    daily_rollup(day)
    assert figures() == before
