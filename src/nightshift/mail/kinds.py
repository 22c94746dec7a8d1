"""The kinds of mail: the values each takes, its subject, and the fields of its templates."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

Shown = tuple[str, dict[str, str]]  # the subject and the templates' fields

MAX_LINE, MAX_REASON, MAX_URL = 200, 4000, 2048  # characters
# Currencies without a smaller unit (ISO 4217, exponent 0).
WITHOUT_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
# Those whose smaller unit is a thousandth.
THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
# Control characters, all line ends, surrogates, and the marks that reverse the direction of text.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def line(value: object, limit: int = MAX_LINE) -> str:
    """`value` as one line of at most `limit` characters, safe in a mail header."""
    text = " ".join(_INVISIBLE.sub(" ", str(value)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def web_address(url: str) -> str:
    """`url` unchanged. Raises ValueError for a link that a mail must not contain: not http or https, or with a user name,
    which could look like a host."""
    parts = urlsplit(url)
    if not url.isprintable() or " " in url or len(url) > MAX_URL:
        raise ValueError(f"must be a web address without spaces, of at most {MAX_URL} characters")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or "\\" in url:
        raise ValueError("must be a web address that starts with http:// or https://")
    return url


def decimals(currency: str) -> int:
    """How many decimals an amount may have; two where the currency has no smaller unit, as bills of fees do."""
    return 3 if currency in THREE_DECIMALS else 2


def money(amount: Decimal, currency: str) -> str:
    """1,234.50 EUR, but 1,200 JPY: the yen has no smaller unit; and 12.345 KWD."""
    whole = currency in WITHOUT_DECIMALS and amount == amount.to_integral_value()
    return f"{amount:,.{0 if whole else decimals(currency)}f} {currency}"


def _low_credit(balance: int, threshold: int) -> Shown:
    left = f"{balance:,} credit{'s' * (balance != 1)}"
    return f"Credits are running low: {left} left", {"left": left, "threshold": f"{threshold:,}"}


def _handoff(agent: str, channel: str, customer: str, reason: str, link: str = "") -> Shown:
    """`link`: to the messages of this customer, where people can reach them."""
    shown = {"agent": line(agent), "channel": line(channel), "customer": line(customer), "url": link}
    lines = (line(part, MAX_REASON) for part in str(reason)[:MAX_REASON].splitlines())
    return f"{shown['agent']} hands a conversation over to you", {**shown, "reason": "\n".join(lines).strip()}


def _invoice(number: str, amount_due: Decimal, currency: str, url: str) -> Shown:
    shown = {"number": line(number), "amount": money(amount_due, line(currency)), "url": web_address(url)}
    return f"Invoice {shown['number']} is ready: {shown['amount']}", shown


KINDS: dict[str, Callable[..., Shown]] = {"low_credit": _low_credit, "handoff": _handoff, "invoice": _invoice}


def shown(kind: str, values: dict[str, Any]) -> Shown:
    """The subject and the template fields of a mail of this kind. Raises KeyError, TypeError and ValueError for wrong
    arguments."""
    subject, fields = KINDS[kind](**values)
    return line(subject), fields
