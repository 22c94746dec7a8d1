"""The meaning of each vendor's responses, as documented by the vendor."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from nightshift import clock
from nightshift.channels import CHANNELS
from nightshift.channels.base import Moved, Part
from nightshift.errors import BadCredential, NightshiftError, PermanentError, TemporaryError
from nightshift.response import Response

PART = Part(to="+491511234567", text="the customer's words", key="msg_1/1", attempts=0)
OK, PERMANENT, TEMPORARY, CREDENTIAL = "accepted", PermanentError, TemporaryError, BadCredential


def answer(status: int, body: Any = None, headers: Mapping[str, str] = {}) -> Response:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(status, "https://secret.example/bot123", headers, raw)


def cut(status: int, body: bytes) -> Response:
    return replace(answer(status, body), complete=False)


def error(type_: str, given: Response, part: Part = PART) -> NightshiftError:
    with pytest.raises(NightshiftError) as caught:
        CHANNELS[type_].message_id(given, part)
    return caught.value


def meta(code: object, subcode: int | None = None) -> dict[str, Any]:
    message = f"(#{code}) no +491511234567: the customer's words, EAAsecret"
    return {"error": {"message": message, "type": "OAuthException", "code": code, "error_subcode": subcode}}


def telegram(code: int, **parameters: Any) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": "the customer's words", "parameters": parameters}


def slack(name: str) -> dict[str, Any]:
    return {"ok": False, "error": name}


def twilio(code: int, status: int) -> dict[str, Any]:
    return {"code": code, "message": "The 'To' number +491511234567 is wrong", "status": status}


@pytest.mark.parametrize(
    ("type_", "given", "message_id"),
    [
        ("WHATSAPP", answer(200, {"messages": [{"id": "wamid.HBg"}]}), "wamid.HBg"),
        ("TELEGRAM", answer(200, {"ok": True, "result": {"message_id": 42}}), "42"),
        ("MESSENGER", answer(200, {"recipient_id": "1", "message_id": "m_AG5"}), "m_AG5"),
        ("INSTAGRAM", answer(200, {"recipient_id": "1", "message_id": "aWdf"}), "aWdf"),
        ("SLACK", answer(200, {"ok": True, "ts": "1503435956.000247"}), "1503435956.000247"),
        ("TWILIO", answer(201, {"sid": "SM1", "status": "queued", "error_code": None}), "SM1"),
        (
            "LINE",
            answer(200, {"sentMessages": [{"id": "461230966842064897", "quoteToken": "q"}]}),
            "461230966842064897",
        ),
        ("DISCORD", answer(200, {"id": "334385199974967042", "type": 0}), "334385199974967042"),
        ("WEBHOOK", answer(200, {"id": "theirs"}), ""),
        ("WEBHOOK", answer(204), ""),
        # the retry key had been accepted before: the message is there
        ("LINE", answer(409, {"message": "already accepted", "sentMessages": [{"id": "7"}]}), "7"),
        ("LINE", answer(409, {"message": "x"}, {"x-line-accepted-request-id": "req-1"}), "req-1"),
        ("LINE", answer(409), ""),
        *[(type_, cut(200, b'{"ok": tr'), "") for type_ in CHANNELS if type_ != "SLACK"],  # the status has come
        # accepted, without an id: to send again would say it twice
        *[(type_, answer(200, body), "") for type_ in CHANNELS if type_ != "SLACK" for body in (None, {})],
        ("WHATSAPP", answer(200, {"messages": []}), ""),
        ("WHATSAPP", answer(200, {"messages": {"id": 1}}), ""),
        ("TELEGRAM", answer(200, {"ok": True, "result": True}), ""),
        ("SLACK", answer(200, {"ok": True}), ""),
        ("DISCORD", answer(200, {"id": {"a": 1}}), ""),
        ("DISCORD", answer(200, {"id": True}), ""),
        # an id that no column could hold
        ("DISCORD", answer(200, {"id": "a\x00b\nc\ud800"}), "abc"),
        ("DISCORD", answer(200, {"id": "9" * 100_000}), "9" * 500),
    ],
)
def test_an_accepted_message_has_the_vendors_id(type_: str, given: Response, message_id: str) -> None:
    assert CHANNELS[type_].message_id(given, PART) == message_id


@pytest.mark.parametrize("type_", [type_ for type_ in CHANNELS if type_ != "WEBHOOK"])
def test_a_success_that_is_not_the_vendors_json_leaves_the_outcome_unknown(type_: str) -> None:
    for body in (b"<html>Sign in to the network</html>", b'{"ok": tr', b"\xff\xfe", [], b"[" * 100_000):
        found = error(type_, answer(200, body))
        assert isinstance(found, TemporaryError), body
        assert found.answer_lost, body


ROWS: list[tuple[str, Response, type[NightshiftError]]] = [
    *[
        ("WHATSAPP", answer(400, meta(code)), PERMANENT)
        for code in [
            *[100, 131008, 131009, 131021, 131026, 131030, 131047, 131048, 131051],
            *[132000, 132001, 132012, 132015, 132068, 132999],
        ]
    ],
    *[("WHATSAPP", answer(400, meta(code)), PERMANENT) for code in (470, 130472, 130497, 131037, 131042, 131049)],
    # about the account: its number, its permission, a lock
    *[
        ("WHATSAPP", answer(400, meta(code)), CREDENTIAL)
        for code in (3, 10, 33, 200, 201, 250, 299, 368, 131005, 131031, 131045, 133010)
    ],
    ("WHATSAPP", answer(400, meta(100, 33)), CREDENTIAL),
    *[("WHATSAPP", answer(401, meta(code)), CREDENTIAL) for code in (0, 102, 190)],
    *[("WHATSAPP", answer(400, meta(code)), TEMPORARY) for code in (1, 2, 4, 80007, 130429, 131000, 131016, 131056)],
    *[("WHATSAPP", answer(400, meta(code)), TEMPORARY) for code in (17, 80008, 131057, 133004)],
    *[
        (type_, answer(400, transient), TEMPORARY)
        for type_ in ("WHATSAPP", "MESSENGER", "INSTAGRAM")
        for transient in [{"error": {**meta(1349125)["error"], "is_transient": True}}]
    ],
    ("WHATSAPP", answer(400, {"error": {**meta(131026)["error"], "is_transient": True}}), PERMANENT),
    *[
        (type_, answer(400, meta(code)), PERMANENT)
        for type_ in ("MESSENGER", "INSTAGRAM")
        for code in (10, 100, 551, 200, 201, 250, 299)
    ],
    *[(type_, answer(400, meta(code)), CREDENTIAL) for type_ in ("MESSENGER", "INSTAGRAM") for code in (0, 102, 190)],
    *[
        (type_, answer(400, meta(code)), TEMPORARY)
        for type_ in ("MESSENGER", "INSTAGRAM")
        for code in (1200, 1, 2, 4, 17, 32, 341, 613, 80001, 80002, 80006)
    ],
    ("INSTAGRAM", answer(400, meta(2534022)), PERMANENT),
    ("INSTAGRAM", answer(400, meta(2, 2534022)), PERMANENT),
    *[("MESSENGER", answer(400, meta(10, subcode)), PERMANENT) for subcode in (2018065, 2018278)],
    # a small subcode is no code: "the token has expired" (463) or "no such object" (33) stay what their code says
    ("MESSENGER", answer(400, meta(190, 463)), CREDENTIAL),
    ("WHATSAPP", answer(400, meta(2, 190)), TEMPORARY),
    ("WHATSAPP", answer(400, meta(131026, 0)), PERMANENT),
    # the body's code before the HTTP status
    ("WHATSAPP", answer(500, meta(3)), CREDENTIAL),
    ("WHATSAPP", answer(500, meta(131026)), PERMANENT),
    ("WHATSAPP", answer(401, meta(130429)), TEMPORARY),
    ("WHATSAPP", answer(200, meta(190)), CREDENTIAL),
    ("MESSENGER", answer(200, meta(2)), TEMPORARY),
    ("MESSENGER", answer(200, meta(99999)), PERMANENT),
    # TELEGRAM
    ("TELEGRAM", answer(400, telegram(400)), PERMANENT),
    ("TELEGRAM", answer(401, telegram(401)), CREDENTIAL),
    ("TELEGRAM", answer(403, telegram(403)), PERMANENT),
    ("TELEGRAM", answer(404, telegram(404)), CREDENTIAL),
    ("TELEGRAM", answer(409, telegram(409)), PERMANENT),
    ("TELEGRAM", answer(429, telegram(429)), TEMPORARY),
    ("TELEGRAM", answer(502, telegram(502)), TEMPORARY),
    ("TELEGRAM", answer(200, telegram(429)), TEMPORARY),
    ("TELEGRAM", answer(200, telegram(401)), CREDENTIAL),
    ("TELEGRAM", answer(200, telegram(7)), PERMANENT),
    ("TELEGRAM", answer(401), CREDENTIAL),
    # SLACK reports errors inside 200
    *[
        ("SLACK", answer(200, slack(name)), TEMPORARY)
        for name in (
            *("ratelimited", "rate_limited", "service_unavailable", "fatal_error", "request_timeout"),
            *("internal_error", "team_added_to_org", "org_login_required", "external_channel_migrating"),
        )
    ],
    *[
        ("SLACK", answer(200, slack(name)), CREDENTIAL)
        for name in (
            "invalid_auth",
            "account_inactive",
            "token_revoked",
            "not_authed",
            "token_expired",
            "not_allowed_token_type",
            "team_access_not_granted",
        )
    ],
    *[
        ("SLACK", answer(200, slack(name)), PERMANENT)
        for name in ("channel_not_found", "not_in_channel", "is_archived", "msg_too_long", "no_text", "anything_else")
    ],
    ("SLACK", answer(429), TEMPORARY),
    ("SLACK", answer(429, slack("ratelimited")), TEMPORARY),
    ("SLACK", answer(429, slack("invalid_auth")), CREDENTIAL),
    ("SLACK", answer(503, slack("service_unavailable")), TEMPORARY),
    ("SLACK", answer(500, b"<html>"), TEMPORARY),
    ("SLACK", answer(404), PERMANENT),
    # only "ok": true is a yes
    *[("SLACK", answer(200, body), TEMPORARY) for body in (None, b"<html>", [], {}, {"ok": 1}, {"ok": False})],
    ("SLACK", answer(200, {"ok": False, "error": ["odd"]}), PERMANENT),
    # TWILIO
    ("TWILIO", answer(400, twilio(21211, 400)), PERMANENT),
    ("TWILIO", answer(400, twilio(21610, 400)), PERMANENT),
    ("TWILIO", answer(400, twilio(21617, 400)), PERMANENT),
    ("TWILIO", answer(404, twilio(20404, 404)), PERMANENT),
    ("TWILIO", answer(401, twilio(20003, 401)), CREDENTIAL),
    ("TWILIO", answer(403, twilio(20003, 403)), CREDENTIAL),
    ("TWILIO", answer(401), CREDENTIAL),
    ("TWILIO", answer(429, twilio(20429, 429)), TEMPORARY),
    ("TWILIO", answer(400, twilio(20429, 429)), TEMPORARY),
    ("TWILIO", answer(401, twilio(20429, 429)), TEMPORARY),
    ("TWILIO", answer(429), TEMPORARY),
    ("TWILIO", answer(200, twilio(21610, 400)), PERMANENT),
    *[("TWILIO", answer(400, twilio(code, 400)), TEMPORARY) for code in (14107, 21611, 30022, 63010, 63012, 63018)],
    *[("TWILIO", answer(403, twilio(code, 403)), CREDENTIAL) for code in (10001, 20005, 20008, 63001, 63112, 90010)],
    ("TWILIO", answer(400, twilio(63016, 400)), PERMANENT),
    # created, and failed at once
    ("TWILIO", answer(201, {"sid": "SM1", "status": "failed", "error_code": 30007}), PERMANENT),
    ("TWILIO", answer(201, {"sid": "SM1", "status": "undelivered", "error_code": 30008}), TEMPORARY),
    ("TWILIO", answer(201, {"sid": "SM1", "status": "failed", "error_code": None}), TEMPORARY),
    # LINE
    *[("LINE", answer(status, {"message": "x"}), PERMANENT) for status in (400, 403, 404, 413, 415)],
    ("LINE", answer(401, {"message": "Authentication failed"}), CREDENTIAL),
    ("LINE", answer(429, {"message": "You have reached your monthly limit."}), PERMANENT),
    ("LINE", answer(429, {"message": "The API rate limit has been exceeded. Try again later."}), TEMPORARY),
    ("LINE", answer(500), TEMPORARY),
    # DISCORD
    ("DISCORD", answer(400, {"code": 50035, "message": "Invalid Form Body"}), PERMANENT),
    ("DISCORD", answer(401, {"code": 0, "message": "401: Unauthorized"}), CREDENTIAL),
    ("DISCORD", answer(403, {"code": 50007, "message": "Cannot send messages to this user"}), PERMANENT),
    ("DISCORD", answer(403, {"code": 50013}), PERMANENT),
    ("DISCORD", answer(404, {"code": 10003}), PERMANENT),
    ("DISCORD", answer(429, {"retry_after": 1.5, "global": False}), TEMPORARY),
    ("DISCORD", answer(502, b"<html>"), TEMPORARY),
    ("DISCORD", answer(400, {"code": 130000}), TEMPORARY),
    ("DISCORD", answer(403, {"code": 50278}), PERMANENT),
    *[("DISCORD", answer(400, {"code": code}), TEMPORARY) for code in (20016, 20028, 20029, 40004, 40006, 40062)],
    # the page of a firewall or a proxy in front of the vendor
    *[
        (type_, answer(status, b"<html>Just a moment"), TEMPORARY)
        for type_ in CHANNELS
        if type_ != "WEBHOOK"
        for status in (401, 403, 404, 407, 410)
    ],
    # WEBHOOK
    ("WEBHOOK", answer(410), CREDENTIAL),
    *[("WEBHOOK", answer(status), PERMANENT) for status in (301, 302, 307, 304, 400, 401, 403, 404, 409, 413, 422)],
    # every vendor, by the status alone: no body, a page of HTML, a code nobody knows
    *[
        (type_, answer(status, body), TEMPORARY)
        for type_ in CHANNELS
        for status in (408, 425, 429, 500, 502, 503, 504)
        for body in (None, b"<html>busy</html>", meta(987654), {"code": 987654}, {"code": {}}, b"[1]")
    ],
    *[
        (type_, answer(status, body), PERMANENT)
        for type_ in CHANNELS
        for status in (302, 400, 402, 405, 413, 422)
        for body in (None, b"<html>no</html>", meta(987654), {"code": 987654}, {"error": "x"}, meta([1]), b"null")
    ],
]


@pytest.mark.parametrize("type_", CHANNELS)
def test_a_refusal_is_classified_and_quotes_nothing_of_the_vendor(type_: str) -> None:
    for given, kind in [(given, kind) for of, given, kind in ROWS if of == type_]:
        found = error(type_, given)
        assert type(found) is kind, given
        sentence = str(found)
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        for private in (PART.to, PART.text, "EAAsecret", "secret.example", "html"):
            assert private not in sentence, given


IN_A_MINUTE = "Tue, 29 Feb 2028 12:01:00 GMT"
LIMITS = [{"type": "pages", "call_count": 7, "estimated_time_to_regain_access": minutes} for minutes in (0, 19)]
USAGE = {"x-business-use-case-usage": json.dumps({"112130216863063": LIMITS, "2": "odd"})}
ODD_USAGE = ("", "{", "[]", "7", '{"1": [7, {"estimated_time_to_regain_access": "soon"}]}')


@pytest.mark.parametrize(
    ("type_", "given", "seconds"),
    [
        ("TELEGRAM", answer(429, telegram(429, retry_after=35)), 35),
        ("TELEGRAM", answer(429, telegram(429, retry_after=35), {"retry-after": "40"}), 40),
        ("TELEGRAM", answer(429, telegram(429), {"retry-after": "40"}), 40),
        ("TELEGRAM", answer(429, telegram(429, retry_after="soon")), None),
        ("TELEGRAM", answer(429, telegram(429, retry_after=-1)), None),
        ("TELEGRAM", answer(429, telegram(429, retry_after=True)), None),
        ("DISCORD", answer(429, {"retry_after": 64.57}), 64.57),
        ("DISCORD", answer(429, {"retry_after": 64.57}, {"retry-after": "65"}), 65),
        ("DISCORD", answer(429, {"retry_after": 64.57}, {"retry-after": "1"}), 64.57),
        ("DISCORD", answer(429, b"<html>", {"retry-after": "90"}), 90),
        ("DISCORD", answer(429, b'{"retry_after": NaN}'), None),
        ("DISCORD", answer(429, b'{"retry_after": Infinity}'), None),
        ("SLACK", answer(429, None, {"retry-after": "30"}), 30),
        ("SLACK", answer(429, slack("ratelimited"), {"retry-after": "30"}), 30),
        ("SLACK", answer(200, slack("ratelimited")), None),
        ("TWILIO", answer(429, twilio(20429, 429), {"retry-after": "7"}), 7),
        ("WEBHOOK", answer(503, None, {"retry-after": IN_A_MINUTE}), 60),
        ("DISCORD", answer(429, b"<html>", {"x-ratelimit-reset-after": "7.5"}), 7.5),
        ("WEBHOOK", answer(429, None, {"retry-after": "0"}), 0),
        # what proxies make of it, every form of a date, a unit
        *[
            ("WEBHOOK", answer(503, None, {"retry-after": value}), seconds)
            for value, seconds in (
                ("90, 90", 90),
                ("30, 90", 90),
                ("90.5", 90.5),
                ("90s", 90),
                ("-30", None),
                ("nan", None),
                ("", None),
                (f"{IN_A_MINUTE}, {IN_A_MINUTE}", 60),
                ("Tuesday, 29-Feb-28 12:01:00 GMT", 60),
                ("Tue Feb 29 12:01:00 2028", 60),
                ("2028-02-29T12:01:00+00:00", 60),
                ("2028-02-29T12:01:00Z", 60),
                ("Tue, 29 Feb 2028 11:00:00 GMT", 0),
                ("1e12", 86_400),
                ("inf", 86_400),
            )
        ],
        ("LINE", answer(429, None, {"retry-after": IN_A_MINUTE}), 60),
        # Meta names no wait: our own ladder
        *[("WHATSAPP", answer(400, meta(code)), None) for code in (4, 80007, 130429, 131016)],
        ("MESSENGER", answer(400, meta(613)), None),
        # but in minutes, of each product's limit
        *[(type_, answer(400, meta(4), USAGE), 19 * 60) for type_ in ("WHATSAPP", "MESSENGER", "INSTAGRAM")],
        ("WHATSAPP", answer(500, meta(131000), USAGE), None),
        *[("MESSENGER", answer(400, meta(4), {"x-business-use-case-usage": odd}), None) for odd in ODD_USAGE],
        ("TELEGRAM", answer(503, None, {"x-ratelimit-reset-after": "90"}), 90),
        # a date counts from the server's clock, which is ten minutes behind
        ("WEBHOOK", answer(503, None, {"retry-after": IN_A_MINUTE, "date": "Tue, 29 Feb 2028 11:50:00 GMT"}), 660),
        ("INSTAGRAM", answer(400, meta(4), {"retry-after": "12"}), 12),
    ],
)
def test_a_wait_is_read_from_the_body_and_the_header(
    type_: str, given: Response, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2028, 2, 29, 12, tzinfo=UTC))
    found = error(type_, given)
    assert isinstance(found, TemporaryError)
    assert found.retry_after_seconds == seconds
    assert found.scope == "account"


@pytest.mark.parametrize(("tries", "seconds"), [(0, 1), (1, 4), (2, 16), (3, 64), (4, 256), (5, 1024), (1000, 4**10)])
def test_whatsapps_pair_limit_holds_only_this_customer_four_times_as_long_each_time(tries: int, seconds: float) -> None:
    found = error("WHATSAPP", answer(400, meta(131056)), Part("1", "x", "msg_1/1", tries))
    assert isinstance(found, TemporaryError)
    assert (found.retry_after_seconds, found.scope) == (seconds, "lane")


@pytest.mark.parametrize("status", [400, 403])
def test_a_telegram_group_that_moved_is_followed(status: int) -> None:
    found = error("TELEGRAM", answer(status, telegram(status, migrate_to_chat_id=-1001234567890)))
    assert type(found) is Moved
    assert found.to == "-1001234567890"
    assert found.to not in str(found)


def test_one_blocked_customer_does_not_disable_the_channel() -> None:
    for type_, given in [
        ("TELEGRAM", answer(403, telegram(403))),
        ("WHATSAPP", answer(400, meta(131026))),
        ("MESSENGER", answer(400, meta(551))),
        ("DISCORD", answer(403, {"code": 50007})),
        ("TWILIO", answer(400, twilio(21610, 400))),
    ]:
        assert not isinstance(error(type_, given), BadCredential)


def test_the_sentence_says_what_the_vendor_said() -> None:
    for type_, given, said in [
        ("MESSENGER", answer(400, meta(10, 2018065)), "window"),
        ("WHATSAPP", answer(400, meta(131047)), "24 hours"),
        ("WHATSAPP", answer(400, meta(131042)), "payment"),
        ("WHATSAPP", answer(400, meta(130472)), "experiment"),
        ("WHATSAPP", answer(400, meta(131049)), "too many messages"),
        ("SLACK", answer(200, slack("restricted_action_thread_locked")), "(error restricted_action_thread_locked)"),
        ("SLACK", answer(200, slack("missing_scope")), "(missing_scope)"),
        ("MESSENGER", answer(400, meta(200, 1545041)), "cannot be reached"),
        ("MESSENGER", answer(400, meta(10, 2018300)), "Another app"),
        ("MESSENGER", answer(400, meta(200, 2018028)), "not live"),
        ("INSTAGRAM", answer(400, meta(100, 2534014)), "cannot be reached"),
        ("WHATSAPP", answer(400, meta(100, 33)), "phoneNumberId"),
        ("WHATSAPP", answer(400, meta(131031)), "set the credentials again"),
        ("WEBHOOK", answer(308), "leads to another one"),
        *[
            ("TELEGRAM", answer(code, {**telegram(code), "description": f"Forbidden: {description}"}), said)
            for code, description, said in (
                (403, "bot can't initiate conversation with a user", "not written to this bot"),
                (403, "user is deactivated", "deleted"),
                (403, "bot was blocked by the user", "blocked the bot"),
                (400, "not enough rights to send text messages to the chat", "not allowed to write"),
                (400, "chat not found", "does not exist"),
            )
        ],
        ("TWILIO", answer(400, twilio(63032, 400)), "experiment"),
        ("DISCORD", answer(400, {"code": 200000}), "moderation"),
        ("TWILIO", answer(400, twilio(63016, 400)), "24 hours"),
        ("LINE", answer(429, {"message": "You have reached your monthly limit."}), "month"),
    ]:
        assert said in str(error(type_, given))


def test_slack_says_of_some_errors_that_they_may_have_taken_effect() -> None:
    for name, lost in (("internal_error", True), ("fatal_error", True), ("ratelimited", False)):
        found = error("SLACK", answer(200, slack(name)))
        assert isinstance(found, TemporaryError)
        assert found.answer_lost is lost


def test_slow_mode_holds_one_discord_channel_alone() -> None:
    found = error("DISCORD", answer(400, {"code": 20016, "retry_after": 3600}))
    assert isinstance(found, TemporaryError)
    assert (found.retry_after_seconds, found.scope) == (3600, "lane")


def test_a_refused_credential_is_permanent_too() -> None:
    assert issubclass(BadCredential, PermanentError)
