"""The kinds of mail there are: what each is told, its subject, and what its templates show."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

Shown = tuple[str, dict[str, str]]  # subject, and the values for the templates

MOST_LINE, MOST_REASON, MOST_URL = 200, 4000, 2048  # characters
# Currencies without a smaller unit (ISO 4217, exponent 0).
WHOLE = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
# Control characters, line ends of any kind, surrogates, and what makes a text be shown in another order than written.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def line(value: object, most: int = MOST_LINE) -> str:
    """`value` as one line of at most `most` characters: a header made of it stays one header."""
    text = " ".join(_UNSEEN.sub(" ", str(value)).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def web_address(url: str) -> str:
    """`url` as it is. Raises ValueError for what a mail should not lead to: anything but http and https, and a user name
    that looks like a host."""
    parts = urlsplit(url)
    if not url.isprintable() or " " in url or len(url) > MOST_URL:
        raise ValueError(f"must be a web address without spaces, of at most {MOST_URL} characters")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or "\\" in url:
        raise ValueError("must be a web address that starts with http:// or https://")
    return url


def money(amount: Decimal, currency: str) -> str:
    """1,234.50 EUR, and 1,200 JPY, which has no smaller unit."""
    digits = 0 if currency in WHOLE and amount == amount.to_integral_value() else 2
    return f"{amount:,.{digits}f} {currency}"


def _low_credit(balance: int, threshold: int) -> Shown:
    left = f"{balance:,} credit{'s' * (balance != 1)}"
    return f"Credits are running low: {left} left", {"left": left, "threshold": f"{threshold:,}"}


def _handoff(agent: str, channel: str, customer: str, reason: str) -> Shown:
    shown = {"agent": line(agent), "channel": line(channel), "customer": line(customer)}
    lines = (line(part, MOST_REASON) for part in str(reason)[:MOST_REASON].splitlines())
    return f"{shown['agent']} hands a conversation over to you", {**shown, "reason": "\n".join(lines).strip()}


def _invoice(number: str, amount_due: Decimal, currency: str, url: str) -> Shown:
    shown = {"number": line(number), "amount": money(amount_due, line(currency)), "url": web_address(url)}
    return f"Invoice {shown['number']} is ready: {shown['amount']}", shown


KINDS: dict[str, Callable[..., Shown]] = {"low_credit": _low_credit, "handoff": _handoff, "invoice": _invoice}


def shown(kind: str, values: dict[str, Any]) -> Shown:
    """The subject and the values shown by a mail of this kind. Raises KeyError, TypeError and ValueError for a caller's
    mistake."""
    subject, fields = KINDS[kind](**values)
    return line(subject), fields
