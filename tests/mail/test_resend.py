"""The meaning of Resend's responses, as documented by Resend."""

import json
from typing import Any

import pytest

from nightshift.errors import PermanentError, TemporaryError
from nightshift.mail.resend import accepted_id
from nightshift.response import Response


def answer(status: int, body: Any = None, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return Response(status, "https://api.resend.com/emails", headers, content)


def named(status: int, name: str, **headers: str) -> Response:
    return answer(status, {"statusCode": status, "name": name, "message": "owner@example.com"}, **headers)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (named(400, "validation_error"), "not valid"),
        (named(400, "invalid_idempotency_key"), "not valid"),
        (named(401, "missing_api_key"), "RESEND_API_KEY"),
        (named(401, "restricted_api_key"), "RESEND_API_KEY"),
        (named(403, "invalid_api_key"), "RESEND_API_KEY"),
        (named(403, "validation_error"), "RESEND_FROM"),  # the domain is not verified
        (named(404, "not_found"), "refused"),
        (named(405, "method_not_allowed"), "refused"),
        (named(409, "invalid_idempotent_request"), "other contents"),
        (named(422, "invalid_from_address"), "RESEND_FROM"),
        (named(422, "validation_error"), "address it goes to"),
        (named(422, "missing_required_field"), "not valid"),
        (named(429, "daily_quota_exceeded"), "day's quota"),
        (named(429, "monthly_quota_exceeded"), "month's quota"),
        (named(451, "security_error"), "security"),
        # the name says more than the status
        (named(500, "monthly_quota_exceeded"), "month's quota"),
        (named(200, "invalid_api_key"), "RESEND_API_KEY"),
        (named(429, "invalid_api_key"), "RESEND_API_KEY"),
        # a quota does not come back for asking later
        (named(429, "daily_quota_exceeded", **{"retry-after": "60"}), "day's quota"),
        # nothing but a status
        (answer(400), "not valid"),
        (answer(401), "RESEND_API_KEY"),
        (answer(403), "RESEND_FROM"),
        (answer(404), "refused"),
        (answer(422, b"<html>"), "not valid"),
        (answer(302), "refused"),
    ],
)
def test_a_permanent_error(given: Response, words: str) -> None:
    with pytest.raises(PermanentError) as refused:
        accepted_id(given)
    assert words in str(refused.value)
    assert "owner@example.com" not in str(refused.value)
    assert str(refused.value).endswith((".", "."))


@pytest.mark.parametrize(
    ("given", "wait", "may_be_taken"),
    [
        (named(409, "concurrent_idempotent_requests"), None, True),
        (named(429, "rate_limit_exceeded", **{"retry-after": "2"}), 2, False),
        (named(429, "rate_limit_exceeded"), None, False),
        (answer(429, b"slow down", **{"retry-after": "7"}), 7, False),
        (named(429, "something_new"), None, False),
        (named(500, "application_error"), None, True),
        (named(500, "internal_server_error", **{"retry-after": "30"}), 30, True),
        (answer(500), None, True),
        (answer(502, b"<html>bad gateway"), None, True),
        (answer(503, b"", **{"retry-after": "120"}), 120, True),
        (answer(408), None, True),
        (answer(599), None, True),
        # the name says more than the status
        (named(422, "rate_limit_exceeded"), None, True),
        (named(400, "concurrent_idempotent_requests"), None, True),
    ],
)
def test_a_temporary_error(given: Response, wait: float | None, may_be_taken: bool) -> None:
    with pytest.raises(TemporaryError) as later:
        accepted_id(given)
    assert (later.value.retry_after_seconds, later.value.answer_lost) == (wait, may_be_taken)
    assert "owner@example.com" not in str(later.value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}, "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"),
        ({"id": "x" * 500}, "x" * 200),
        # taken is taken, whatever it says of it: a second mail would be worse than a missing id
        ({}, None), ({"id": None}, None), ({"id": 7}, None), ({"id": ""}, None), ({"id": "a\0b"}, None),
        (b"", None),
        ({"name": ["x"]}, None), ({"name": "none of ours", "id": "a"}, "a"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_accepted_mail_has_an_id_if_it_can_be_read(body: Any, expected: str | None, status: int) -> None:
    assert accepted_id(answer(status, body)) == expected


@pytest.mark.parametrize(
    ("status", "lost"), [(200, True), (201, True), (401, False), (403, False), (404, False), (407, False)]
)
def test_a_page_of_something_in_between_is_not_resends_word(status: int, lost: bool) -> None:
    for body in (b"<html>Sign in to the network", b"[]", b"\xff", b"[" * 100_000):
        with pytest.raises(TemporaryError) as found:
            accepted_id(answer(status, body))
        assert found.value.answer_lost is lost
