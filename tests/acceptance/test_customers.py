"""One customer however the number is written, and WhatsApp's 24 hours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from client import Client
from messaging import put, say, settled
from recorder import Answer, Recorder

from nightshift.channels import CHANNELS


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


def test_where_no_whatsapp_inbound_is_recorded_the_vendor_decides(api: Client, vendors: Recorder) -> None:
    put(api, "WHATSAPP", vendors)
    inbound(api, "4915100000009", hours_ago=24 * 8)
    assert say(api, "who knows", "WHATSAPP", "4915100000001")["status"] == "SENT"
