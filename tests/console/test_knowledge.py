"""The page of knowledge as HTML: what it shows, and what its forms do without a script."""

import io
import os
import re
from typing import Any

import pytest
from sqlalchemy import select, text

from nightshift import workspaces
from nightshift.db.models import Document
from nightshift.db.session import transaction
from web import create_app, serving
from web.console import channels, etags, knowledge
from web.limiters import ConcurrencyLimiter

PAGE = "/console/knowledge"
LONG = "مرحبا <script>alert(1)</script> & \"quoted\" 'title' " + "x" * 400


class Visitor:
    """A browser that is signed in to a workspace of its own."""

    def __init__(self) -> None:
        self.http = create_app().test_client()
        with transaction() as session:
            made, agent, self.key = workspaces.create(session, "Pages", "x@example.com", 0, 0)
            self.workspace_id, self.agent_id = made.id, agent.id
        self.http.post("/console/sign-in", data={"key": self.key})

    def get(self, path: str = PAGE, **headers: str) -> Any:
        return self.http.get(path, headers=headers)

    def post(self, path: str, **fields: Any) -> Any:
        """What the browser shows in the end."""
        headers = {"Referer": f"http://localhost{PAGE}?status=ERROR"}
        answer = self.http.post(f"{PAGE}/{path}", data={"agent": self.agent_id, **fields}, headers=headers)
        assert answer.status_code == 303, answer.text
        return self.get(answer.location)

    def documents(self) -> list[Document]:
        with transaction() as session:
            return list(session.scalars(select(Document).where(Document.agent_id == self.agent_id)))

    def add(self, title: str, **values: Any) -> str:
        """A document as its row says, without a job."""
        with transaction() as session:
            source = dict(type="text", kind="text", source_hash=title.encode()[-99:], workspace_id=self.workspace_id)
            doc = Document(
                id=f"doc_{self.agent_id}{title.__hash__()}", agent_id=self.agent_id, title=title, **source | values
            )
            session.add(doc)
            return doc.id


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


def said(page: Any) -> str:
    """Its flash line."""
    found = re.search(r'<div id="flash"[^>]*>(.*?)</div>', page.text, re.DOTALL)
    return re.sub(r"<[^>]+>", " ", found[1]).strip() if found else ""


def test_several_files_at_once_without_a_script_each_with_its_own_result(visitor: Visitor) -> None:
    files = [
        (io.BytesIO(b"Delivery takes three days."), "delivery.txt"),
        (io.BytesIO(b"%PDF-1.4" + b"0" * (60 << 20)), "big.pdf"),
        (io.BytesIO(b"MZ\0\1\0\0"), "<b>tool</b>.exe"),
        (io.BytesIO(b"Returns take thirty days."), "returns.txt"),
    ]
    page = visitor.post("files", file=files)
    assert "delivery.txt: added." in said(page) and "returns.txt: added." in said(page)
    assert "big.pdf: The file is larger than 50 MB." in said(page)
    assert "&lt;b&gt;tool&lt;/b&gt;.exe: Unsupported file type" in said(page)
    assert {doc.title for doc in visitor.documents()} == {"delivery.txt", "returns.txt"}
    assert said(visitor.get()) == "", "it is said once"
    again = visitor.post("files", file=[(io.BytesIO(b"Returns take thirty days."), "returns.txt")])
    assert said(again) == "returns.txt: is there already." and len(visitor.documents()) == 2
    assert said(visitor.post("files")) == "Choose a file first."
    many = said(visitor.post("files", file=[(io.BytesIO(b"\0"), f"{os.urandom(45).hex()}.exe") for _ in range(60)]))
    assert re.search(r"And \d+ more\.$", many)


def test_an_address_is_added_or_refused_in_a_sentence(visitor: Visitor) -> None:
    assert said(visitor.post("addresses", url="https://example.com/help")) == "https://example.com/help: added."
    assert said(visitor.post("addresses", url="ftp://x")).endswith("The address must start with http:// or https://.")
    assert said(visitor.post("addresses", url="http://" + "é" * 9000)).endswith("is longer than 2,048 characters.")
    assert len(visitor.documents()) == 1


def test_what_is_shown_of_each_document(visitor: Visitor) -> None:
    visitor.add(LONG, status="READY", chunk_count=1234, error_msg="Left out: <i>one</i> picture.")
    visitor.add("Busy", status="PROCESSING", stage="embed", stage_done=100, stage_total=400)
    visitor.add("Broken", status="ERROR", error_msg="This PDF is a scan.")
    page = visitor.get().text
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page and "<i>one" not in page
    assert "1,234" in page and "Left out: &lt;i&gt;one&lt;/i&gt; picture." in page
    assert '<progress max="100" value="31" aria-label="Embedding 100 of 400: Busy">' in page
    assert "This PDF is a scan." in page and page.count("Try again") == 1 and page.count(">Delete<") == 3
    only = visitor.get(f"{PAGE}?status=ERROR").text
    assert "This PDF is a scan." in only and "Busy" not in only
    assert "No document matches." in visitor.get(f"{PAGE}?status=%22%3Cnonsense").text


def test_another_workspaces_things_are_not_there(visitor: Visitor) -> None:
    other = Visitor()
    doc_id = other.add("Secret", status="ERROR")
    for path in (f"/{doc_id}", f"/{doc_id}/delete", f"?agent={other.agent_id}", "/nothing"):
        page = visitor.get(PAGE + path)
        assert page.status_code == 404 and page.mimetype == "text/html" and "nothing at this address" in page.text
        assert "data-live" not in page.text, "nothing to ask for again"
    for action in ("delete", "retry"):
        assert said(visitor.post(f"{doc_id}/{action}")) == "This document is not there any more."
    refused = visitor.http.post(f"{PAGE}/addresses", data={"agent": other.agent_id, "url": "https://example.com"})
    assert refused.status_code == 404 and [doc.status for doc in other.documents()] == ["ERROR"]


def test_delete_asks_before_and_says_in_a_sentence_that_it_was_done_already(visitor: Visitor) -> None:
    doc_id = visitor.add("Old manual", status="READY", chunk_count=7)
    asked = visitor.get(f"{PAGE}/{doc_id}/delete").text
    assert "Old manual" in asked and "Its 7 passages are deleted too" in asked and len(visitor.documents()) == 1
    assert said(visitor.post(f"{doc_id}/delete")) == "Old manual: deleted." and not visitor.documents()
    assert said(visitor.post(f"{doc_id}/delete")) == "This document is not there any more."


def test_the_same_button_twice_tries_again_once(visitor: Visitor) -> None:
    doc_id = visitor.add("Scan", status="ERROR", error_msg="No text.")
    page = visitor.post(f"{doc_id}/retry")
    assert said(page) == "Scan: is tried again." and page.request.full_path == f"{PAGE}?status=ERROR", "where it was"
    ready = visitor.add("Fine", status="READY")
    assert said(visitor.post(f"{ready}/retry")) == "Fine: is READY, and not tried again.", "a stale form"
    other, once = visitor.add("Other", status="ERROR"), {"Idempotency-Key": "one-form"}
    assert said(visitor.post(f"{other}/retry", **once)) == "Other: is tried again."
    visitor.post(f"{other}/delete")
    assert said(visitor.post(f"{other}/retry", **once)) == "Other: is tried again.", "the first answer, given again"


def test_a_list_is_paged_and_costs_the_same_with_many(visitor: Visitor) -> None:
    with transaction() as session:
        fill = """
            INSERT INTO documents (id, workspace_id, agent_id, type, kind, title, source_hash, status, chunk_count, stage_done,
                                   stage_total, created_at, updated_at)
            SELECT 'doc_' || :agent || to_char(n, 'FM0000'), :workspace, :agent, 'text', 'text', 'Part ' || n, int4send(n),
                   CASE WHEN n < 20 THEN 'ERROR' ELSE 'PENDING' END, 0, 0, 0, now(), now() FROM generate_series(1, 1500) AS n
        """
        session.execute(text(fill), {"agent": visitor.agent_id, "workspace": visitor.workspace_id})
    page = visitor.get().text
    assert page.count("data-key=") == 50 and "Part 1500<" in page and "Part 1450<" not in page
    assert '<span class="number">1,000+</span>' in page and '<span class="number">19</span>' in page
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following and "Part 1450<" in visitor.get(following[1].replace("&amp;", "&")).text
    assert visitor.get(f"{PAGE}?status=ERROR").text.count("data-key=") == 19
    assert visitor.get(f"{PAGE}?cursor=nonsense").status_code == 422


def test_a_page_that_has_not_changed_is_not_sent_again(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    doc_id = visitor.add("Watched", status="PENDING")
    first = visitor.get()
    tag = first.headers["ETag"]
    assert f"data-tag={tag}" in first.text
    for seconds in (-1, 1000):  # looked at again; as it was a moment ago
        monkeypatch.setattr(etags, "SAME_SECONDS", seconds)
        same = visitor.get(**{"If-None-Match": tag})
        assert (same.status_code, same.data) == (304, b"")
    with transaction() as session:
        session.get_one(Document, doc_id).status = "READY"
    assert visitor.get(**{"If-None-Match": tag}).status_code == 304, "asked a moment ago"
    monkeypatch.setattr(etags, "SAME_SECONDS", -1)
    changed = visitor.get(**{"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag and "READY" in changed.text
    assert Visitor().get(**{"If-None-Match": changed.headers["ETag"]}).status_code == 200, "another one's page"


def test_a_poll_does_not_take_what_is_said_to_a_person(visitor: Visitor) -> None:
    visitor.http.post(f"{PAGE}/addresses", data={"agent": visitor.agent_id, "url": "https://example.com"})
    visitor.get(**{"If-None-Match": '"old"'})
    assert said(visitor.get()) == "https://example.com: added."


def test_what_opens_its_own_transaction_does_so_in_its_workspace_s_turn(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, in_turn = ConcurrencyLimiter(1), list[bool]()
    monkeypatch.setattr(serving, "turns", turns)

    def begin() -> Any:
        in_turn.append(turns.acquire(visitor.workspace_id) is None)
        return transaction()

    for module in (knowledge, channels):
        monkeypatch.setattr(module, "transaction", begin)
    visitor.get()
    visitor.http.post(f"{PAGE}/files", data={"agent": visitor.agent_id, "file": (io.BytesIO(b"text"), "a.txt")})
    visitor.http.post(f"{PAGE}/addresses", data={"agent": visitor.agent_id, "url": "https://example.com"})
    visitor.http.post("/console/channels/TELEGRAM", data={"botToken": "1:a"})
    visitor.http.post("/console/channels/TELEGRAM/test")
    assert in_turn == [True] * 5
