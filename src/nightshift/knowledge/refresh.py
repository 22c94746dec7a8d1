"""Finds the redirect in a page: `<meta http-equiv="refresh">`, which generators of static sites write for a moved page."""

import re
from html.parser import HTMLParser

from nightshift.knowledge.text import decode
from nightshift.response import Response

HEAD_BYTES = 32 << 10  # a page of this kind has a few hundred bytes
MAX_SECONDS = 10  # a page that stays longer is one to read

_CONTENT = re.compile(
    r"\s*(\d+)[\d.]*\s*[;,]\s*(?:url\s*=\s*)?(?:(['\"])(?P<quoted>.*?)\2|(?P<bare>\S.*))", re.IGNORECASE
)


def refresh_in(response: Response) -> str | None:
    """The address that a successful response soon leads to, by its header or its page; None where it stays."""
    if response.status != 200:
        return None
    parser = _Refresh()
    is_page = "html" in response.headers.get("content-type", "html")  # the text of a manual may show one
    if is_page and b"refresh" in (head := response.body[:HEAD_BYTES]).lower():
        parser.feed(decode(head))
    found = _CONTENT.match(response.headers.get("refresh") or parser.content)
    return (found["quoted"] or found["bare"] or "").strip() or None if found and int(found[1]) <= MAX_SECONDS else None


class _Refresh(HTMLParser):
    """`content`: of the first `<meta http-equiv="refresh">` outside of comments and scripts."""

    content = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "meta" and (attributes.get("http-equiv") or "").lower() == "refresh":
            self.content = self.content or attributes.get("content") or ""
