"""A mail has the same content as HTML and as text, and no value becomes markup, a header or an unsafe link."""

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from nightshift.mail.kinds import line, money, web_address
from nightshift.mail.render import Rendered, render

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}\r\nBcc: victim@example.com"
VALUES: dict[str, dict[str, Any]] = {
    "low_credit": dict(balance=87, threshold=100),
    "handoff": dict(agent="Assistant", channel="WhatsApp", customer="+49 151 1", reason="Late.\nVery late."),
    "invoice": dict(number="INV-1", amount_due=Decimal("1234.5"), currency="EUR", url="https://billing.example/1"),
}
FREE = {"handoff": ("agent", "channel", "customer", "reason"), "invoice": ("number",), "low_credit": ()}


def tags(mail: Rendered) -> list[str | None]:
    return [node.tag for node in LexborHTMLParser(mail.html).css("*")]


@pytest.mark.parametrize("kind", VALUES)
def test_html_and_text_contain_every_value(kind: str) -> None:
    mail = render(kind, "Acme & Sons", VALUES[kind])
    seen = unescape(re.sub(r"<[^>]+>", "", mail.html))
    shown = {"low_credit": ["87 credits", "100"], "invoice": ["INV-1", "1,234.50 EUR", "https://billing.example/1"],
             "handoff": ["Assistant", "WhatsApp", "+49 151 1", "Late.", "Very late."]}  # fmt: skip
    for value in [*shown[kind], "Acme & Sons"]:
        assert value in seen and value in mail.text
    assert "<" not in mail.text


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in FREE for field in (*FREE[kind], None)])
def test_no_value_is_markup_or_a_header(kind: str, field: str | None) -> None:
    values = VALUES[kind] | ({field: HOSTILE} if field else {})
    mail = render(kind, "Acme" if field else HOSTILE, values)
    assert tags(mail) == tags(render(kind, "Acme", VALUES[kind])), "not one element more"
    assert "&lt;script&gt;" in mail.html and "49" not in mail.html.replace("+49", "").replace("#4b5563", "")
    assert not re.search(r"[\r\n]", mail.subject)
    assert not re.search(r"(?m)^Bcc:", mail.text), "no line of a customer's begins a line of ours"


@pytest.mark.slow
@given(st.text(), st.text(), st.text())
def test_no_customer_text_changes_the_structure_of_a_mail(customer: str, agent: str, reason: str) -> None:
    mail = render("handoff", "Acme", VALUES["handoff"] | dict(customer=customer, agent=agent, reason=f"x{reason}"))
    assert mail.subject.isprintable() or not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", mail.subject)
    assert len(mail.subject) <= 200
    assert tags(mail) == tags(render("handoff", "Acme", VALUES["handoff"]))
    mail.html.encode(), mail.text.encode()
    assert "\0" not in mail.html + mail.text


def test_very_long_values_are_cut() -> None:
    mail = render(
        "handoff", "W" * 10_000, dict.fromkeys(("agent", "channel", "customer"), "x" * 10**6) | {"reason": "y" * 10**6}
    )
    assert len(mail.html) < 20_000 and len(mail.text) < 10_000 and len(mail.subject) <= 200


def test_a_handoff_without_a_reason_has_no_empty_quote() -> None:
    mail = render("handoff", "Acme", VALUES["handoff"] | {"reason": " \n "})
    assert "Reason given" not in mail.html + mail.text


def test_a_mail_loads_nothing_from_other_servers() -> None:
    for kind, values in VALUES.items():
        html = render(kind, "Acme", values).html
        assert not re.search(r"<(script|img|link|iframe|form|style)|url\(|@import", html)
        assert set(re.findall(r'href="([^"]*)"', html)) <= {"https://billing.example/1"}


def test_an_invoice_links_only_to_web_addresses() -> None:
    for url in (
        "javascript:alert(1)",
        "data:text/html,x",
        "https://bank.example@evil.example/",
        "https://a b/",
        "http:/x",
    ):
        with pytest.raises(ValueError, match="web address"):
            render("invoice", "Acme", VALUES["invoice"] | {"url": url})
    assert (
        web_address("http://billing.example:8080/#/invoices/1?x=%20")
        == "http://billing.example:8080/#/invoices/1?x=%20"
    )


def test_wrong_arguments_are_an_error() -> None:
    for kind, values in (("none", {}), ("low_credit", {"balance": 1}), ("low_credit", {"balance": 1, "treshold": 2})):
        with pytest.raises((KeyError, TypeError)):
            render(kind, "Acme", values)


def test_one_credit_is_singular() -> None:
    subjects = [render("low_credit", "Acme", dict(balance=n, threshold=5)).subject for n in (0, 1, 1000)]
    assert [s.partition(": ")[2] for s in subjects] == ["0 credits left", "1 credit left", "1,000 credits left"]


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("0", "EUR", "0.00 EUR"),
        ("1234567.5", "USD", "1,234,567.50 USD"),
        ("1200", "JPY", "1,200 JPY"),
        ("1.5", "JPY", "1.50 JPY"),
        ("12.345", "KWD", "12.345 KWD"),
        ("12.5", "KWD", "12.500 KWD"),
    ],
)
def test_money(amount: str, currency: str, shown: str) -> None:
    assert money(Decimal(amount), currency) == shown


def test_a_line_is_one_line_in_the_order_it_was_written() -> None:
    assert line("a\r\nb\u2028c\u0085d\te \u202eevil") == "a b c d e evil"
    assert line("نمی\u200cخواهم") == "نمی\u200cخواهم", "what joins and parts letters stays"
