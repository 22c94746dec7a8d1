"""The doors for vendors: they report here what became of messages and mail. No key opens them, but their signature."""

import hmac
from typing import Annotated

from flask import request
from pydantic import Field

from nightshift.channels import CHANNELS, accounts, reports
from nightshift.channels.report import HookRequest
from nightshift.db.models import ChannelAccount
from nightshift.db.session import transaction
from nightshift.mail import reports as mail_reports
from nightshift.settings import settings
from web.error_responses import Problem, ProblemDetails, not_found
from web.limiters import ConcurrencyLimiter, until_answered
from web.request_parsing import Parameters
from web.routing import route

MAX_BYTES = 1 << 20
PATH = "/v1/hooks/<channel_type>/<hook_id>"
RESEND = "/v1/hooks/RESEND"
TAKEN = {200: None, 404: ProblemDetails, 429: ProblemDetails}
AS_IT_IS = dict(access="vendor", media_type="text/plain", raw_bytes=MAX_BYTES)
TURN_SECONDS = 8.0
reporting = ConcurrencyLimiter(total=24, each=6)  # reports taken in at once, in this process and of one hook
waiting = ConcurrencyLimiter(total=200, each=150)  # for their turn, or under way: few vendors repeat a refused report


class Subscription(Parameters):
    mode: Annotated[str, Field(alias="hub.mode")] = ""
    verify_token: Annotated[str, Field(alias="hub.verify_token")] = ""
    challenge: Annotated[str, Field(alias="hub.challenge", max_length=1000)] = ""


@route("GET", PATH, {200: None}, access="vendor", media_type="text/plain")
def subscribe(channel_type: str, hook_id: str, query: Subscription) -> str:
    """Answer Meta's challenge to a request that has our verify token."""
    account = _account(channel_type, hook_id)
    if not CHANNELS[channel_type].subscribes:
        raise not_found()
    if query.mode != "subscribe" or not hmac.compare_digest(query.verify_token.encode(), account.verify_token.encode()):
        raise _unsigned()
    return query.challenge


@route("POST", PATH, TAKEN, **AS_IT_IS)
def report(channel_type: str, hook_id: str, raw: bytes) -> None:
    """Take in a vendor's delivery reports."""
    _take_turn(hook_id)
    account = _account(channel_type, hook_id)
    channel, said = CHANNELS[channel_type], _said(raw, accounts.hook_url(channel_type, hook_id))
    if not channel.is_signed(accounts.credentials_of(account), said):
        raise _unsigned()
    reports.take(account.workspace_id, channel_type, channel.read_reports(said))


@route("POST", RESEND, TAKEN, **AS_IT_IS)
def report_mail(raw: bytes) -> None:
    """Take in Resend's reports about mail."""
    secret = settings().resend_webhook_secret
    if secret is None:
        raise not_found()
    _take_turn("RESEND")
    said = _said(raw, None)
    if not mail_reports.is_signed(secret, said.headers, raw):
        raise _unsigned()
    mail_reports.take(raw)


def _account(channel_type: str, hook_id: str) -> ChannelAccount:
    with transaction() as session:
        account = accounts.of_hook(session, channel_type, hook_id)
    if account is None or not CHANNELS[channel_type].reports:
        raise not_found()
    return account


def _said(raw: bytes, known_url: str | None) -> HookRequest:
    """A vendor signs the address that it was given: ours by the settings, or the one that it used."""
    query = request.query_string.decode("latin-1")
    urls = [f"{known_url}?{query}" if query else known_url] if known_url else []
    headers = {name.lower(): value for name, value in request.headers.items()}
    return HookRequest((*urls, request.url), request.args.to_dict(), headers, raw)


def _take_turn(hook: str) -> None:
    """Wait for the turn of this report. Raises 429."""
    waiting.admit(hook, "reports")
    until_answered(reporting.wait(hook, TURN_SECONDS))


def _unsigned() -> Problem:
    return Problem(401, "The signature is missing or wrong.")
