"""Credentials go in and never come out: sealed to their row, in no answer, no log line, no event."""

import base64
import os
import subprocess
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from client import OPERATOR_KEY, Client
from messaging import CREDENTIALS, SECRET, put, say, settled
from ops import ops
from recorder import Answer, Recorder
from stack import Stack
from standardwebhooks import Webhook

from nightshift.settings import settings


@pytest.mark.parametrize("channel", CREDENTIALS)
def test_what_is_put_is_listed_without_its_secrets_and_can_be_removed(
    channel: str, api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, channel, vendors)
    listed = api("GET", "/v1/channels")
    assert [(c["type"], c["state"], set(c)) for c in listed.json()["items"]] == [
        (channel, "ACTIVE", {"type", "state", "since", "reason", "test", "updatedAt"})
    ]
    [(sealed,)] = stack.sql("SELECT credentials FROM channels WHERE workspace_id = %s", api.workspace_id)
    for secret in CREDENTIALS[channel].values():
        assert secret not in listed.text
        assert secret.encode() not in bytes(sealed)
    assert api("DELETE", f"/v1/channels/{channel}").status_code == 204
    assert api("DELETE", f"/v1/channels/{channel}").status_code == 404
    [removed] = api("GET", "/v1/channels").json()["items"]
    assert (removed["state"], removed["test"]) == ("REFUSED", None)
    assert "removed" in removed["reason"]
    assert removed["since"] != listed.json()["items"][0]["since"]  # two processes: one clock may be behind the other
    assert stack.sql("SELECT credentials FROM channels WHERE workspace_id = %s", api.workspace_id) == [(None,)]
    assert api("POST", f"/v1/channels/{channel}/test").status_code == 404


@pytest.mark.parametrize(
    ("channel", "credentials", "field"),
    [
        ("TELEGRAM", {}, "credentials.botToken"),
        ("TELEGRAM", {"botToken": "x", "extra": "y"}, "credentials.extra"),
        ("TELEGRAM", {"botToken": 7}, "credentials.botToken"),
        ("TELEGRAM", {"botToken": "  "}, "credentials.botToken"),
        ("TELEGRAM", {"botToken": "a/b"}, "credentials.botToken"),
        ("SLACK", {"botToken": "a\r\nX-Evil: 1"}, "credentials.botToken"),
        ("WHATSAPP", {"accessToken": "t", "phoneNumberId": "../x"}, "credentials.phoneNumberId"),
        ("WEBHOOK", {"url": "ftp://example.com", "secret": SECRET}, "credentials.url"),
        ("WEBHOOK", {"url": "https://example.com", "secret": "not base64!"}, "credentials.secret"),
    ],
)
def test_bad_credentials_name_their_field_and_change_nothing(
    channel: str, credentials: dict[str, Any], field: str, api: Client, vendors: Recorder
) -> None:
    answer = api("PUT", f"/v1/channels/{channel}", json={"credentials": credentials})
    assert answer.status_code == 422, answer.text
    assert [e["field"] for e in answer.json()["errors"]] == [field]
    assert not answer.json()["detail"].endswith("..")
    assert api("GET", "/v1/channels").json()["items"] == []


@pytest.mark.parametrize("channel", ["FAX", "telegram", "VIBER"])
def test_a_channel_there_is_not_is_not_found(channel: str, api: Client) -> None:
    assert api("PUT", f"/v1/channels/{channel}", json={"credentials": {"x": "y"}}).status_code == 404


def test_credentials_moved_to_another_row_open_nothing(api: Client, stack: Stack, vendors: Recorder) -> None:
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    put(api, "TELEGRAM", vendors)
    put(other, "TELEGRAM", vendors)
    stack.sql(
        "UPDATE channels SET credentials = (SELECT credentials FROM channels WHERE workspace_id = %s) WHERE workspace_id = %s",
        api.workspace_id,
        other.workspace_id,
    )
    word = f"word{uuid4().hex}"
    failed = say(other, word)
    assert failed["status"] == "FAILED"
    assert "does not belong to this row" in failed["error"]
    assert not vendors.asked("/telegram", word)
    assert other("DELETE", "/v1/channels/TELEGRAM").status_code == 204


def test_no_secret_and_no_text_is_in_any_log_line_or_sentry_event(api: Client, stack: Stack, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    secret = f"{uuid4().int}:secret{uuid4().hex}"
    api("PUT", "/v1/channels/TELEGRAM", json={"credentials": {"botToken": secret}})
    vendors.script(word, Answer(500), Answer(400, {"ok": False, "error_code": 400}))
    failed = say(api, word, customer=f"customer-{word}")
    assert settled(api, failed["id"])["status"] == "FAILED"
    log = stack.log_path.read_text()
    assert failed["id"] in log
    assert word not in log
    assert secret not in log
    for event in vendors.asked("/envelope/"):
        assert word.encode() not in event.body
        assert secret.encode() not in event.body


def test_a_webhook_is_signed_by_the_standard_and_its_id_stays_the_same_at_every_try(
    api: Client, vendors: Recorder
) -> None:
    put(api, "WEBHOOK", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(503))
    assert settled(api, say(api, word, channel="WEBHOOK")["id"])["status"] == "SENT"
    first, second = vendors.asked("/hook", word)
    for request in (first, second):
        Webhook(SECRET).verify(request.body, request.headers)
        sent_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC).timestamp()
        assert sent_at == pytest.approx(request.at, abs=10)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


@pytest.mark.parametrize("url", ["http://10.0.0.1/hook", "https://169.254.169.254/", "http://[::1]/hook"])
def test_a_webhook_into_a_private_network_is_refused(url: str, api: Client) -> None:
    answer = api("PUT", "/v1/channels/WEBHOOK", json={"credentials": {"url": url, "secret": SECRET}})
    assert answer.status_code == 204, "where a name leads is known only when it is asked for"
    failed = say(api, "Hello", channel="WEBHOOK")
    assert (failed["status"], len(failed["attempts"])) == ("FAILED", 1)
    assert "private network" in failed["error"]


def test_a_webhook_that_is_gone_disables_its_channel(api: Client, vendors: Recorder) -> None:
    put(api, "WEBHOOK", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(410))
    assert say(api, word, channel="WEBHOOK")["status"] == "FAILED"
    assert [c["state"] for c in api("GET", "/v1/channels").json()["items"]] == ["REFUSED"]


def test_after_a_rotation_the_old_key_is_no_longer_needed(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "TELEGRAM", vendors)
    old, new = stack.env["CREDENTIAL_KEYS"], base64.urlsafe_b64encode(os.urandom(32)).decode()

    def rotate(keys: str) -> subprocess.CompletedProcess[str]:
        with patch.dict(os.environ, {"CREDENTIAL_KEYS": keys}):
            settings.cache_clear()
            try:
                return ops("rotate-credentials")
            finally:
                settings.cache_clear()

    assert rotate(f"{new},{old}").returncode == 0
    refused = rotate(old)
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert line.startswith("No key of CREDENTIAL_KEYS opens") and f"{api.workspace_id}/TELEGRAM" in line
    assert say(api, "Hello")["status"] == "FAILED", "the API still has the old key alone"
    assert rotate(f"{old},{new}").returncode == 0
    assert say(api, "Hello")["status"] == "SENT"
