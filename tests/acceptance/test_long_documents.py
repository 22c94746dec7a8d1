"""A long document is read, divided and embedded at the same time; it is there as a whole or not at all."""

import io
import zipfile
from uuid import uuid4

from client import Client
from stack import Stack

CONTAINER = b'<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'
PACKAGE = b"""<package><manifest><item id="a" href="a.html"/><item id="b" href="b.html"/></manifest>
<spine><itemref idref="a"/><itemref idref="b"/></spine></package>"""


def test_every_character_of_a_long_text_is_in_one_passage_and_the_progress_grows(api: Client, stack: Stack) -> None:
    text = "\n\n".join(f"Paragraph {n}. " + "The counter opens at nine. " * 20 for n in range(700))
    doc_id = api.add_text(text)
    doc = api.settled(doc_id)
    assert (doc["status"], doc["errorMsg"], doc["attempts"]) == ("READY", None, 1)
    chunks = stack.sql(
        "SELECT chunk_idx, start_char, end_char, content FROM chunks WHERE doc_id = %s ORDER BY 1", doc_id
    )
    assert [idx for idx, *_ in chunks] == list(range(doc["chunkCount"]))
    assert all(text[start:end] == content for _, start, end, content in chunks)
    assert "".join("".join(content.split()) for *_, content in chunks) == "".join(text.split())
    found = stack.sql(
        "SELECT data->>'stage', (data->>'done')::int, (data->>'total')::int FROM events "
        "WHERE data->>'docId' = %s AND name = 'knowledge_progress' ORDER BY seq",
        doc_id,
    )
    assert list(dict.fromkeys(stage for stage, *_ in found)) == ["extract", "embed", "store"]
    embedded = [done for stage, done, _ in found if stage == "embed"]
    assert embedded == sorted(embedded) and all(done <= total for _, done, total in found)
    assert found[-1] == ("store", 0, doc["chunkCount"])


def test_a_book_that_breaks_in_the_middle_leaves_nothing_of_its_beginning(api: Client, stack: Stack) -> None:
    word, file = f"word{uuid4().hex}", io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("b.opf", PACKAGE)
        book.writestr("a.html", f"<h1>One</h1><p>{word}</p>" + "<h2>More</h2><p>Open at nine.</p>" * 20_000)
        book.writestr("b.html", b" " * (65 << 20))  # more than a part may have
    answer = api.upload("book.epub", file.getvalue())
    assert answer.status_code == 202, answer.text
    doc = api.settled(doc_id := answer.json()["id"])
    assert (doc["status"], doc["attempts"], doc["chunkCount"]) == ("ERROR", 1, 0)
    assert "unpacks to more" in doc["errorMsg"]
    assert stack.sql("SELECT count(*) FROM chunks WHERE doc_id = %s", doc_id) == [(0,)]
    assert api.search(word) == []
