"""The main job from the outside: a document goes in by HTTP, its sentences come out by a question."""

from __future__ import annotations

import io

from client import Client
from reportlab.pdfgen.canvas import Canvas
from stack import Stack, wait_for


def pdf(*pages: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    for page in pages:
        for number, line in enumerate(page.splitlines()):
            canvas.drawString(60, 780 - 16 * number, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def test_a_pdf_is_accepted_ingested_and_found_with_its_page(api: Client) -> None:
    answer = api.upload(
        "handbook.pdf", pdf("Parcels leave on Mondays.", "The zebra clause allows returns in thirty days.")
    )
    assert answer.status_code == 202
    doc = answer.json()
    assert answer.headers["Location"] == f"/v1/knowledge/{doc['id']}"
    assert (doc["status"], doc["type"], doc["title"], doc["chunkCount"]) == ("PENDING", "file", "handbook.pdf", 0)

    ready = api.settled(doc["id"])
    assert (ready["status"], ready["errorMsg"], ready["retryAt"], ready["attempts"]) == ("READY", None, None, 1)
    assert ready["chunkCount"] >= 1

    best = api.search("What does the zebra clause allow?")[0]
    assert best["docId"] == doc["id"]
    assert "zebra clause" in best["content"]
    assert 0 < best["similarity"] <= 1
    assert best["locator"]["page"] in (1, 2)


def test_text_and_question_and_answer_are_found_too(api: Client) -> None:
    text = api.add_text("The warehouse in Rotterdam ships on weekends.", "Shipping")
    answer = api.add(type="qa", question="Do you deliver to islands?", answer="Yes, by ferry, twice a week.")
    assert answer.status_code == 202
    qa = answer.json()["id"]
    assert api.settled(text)["status"] == api.settled(qa)["status"] == "READY"
    assert api.search("Rotterdam warehouse")[0]["docId"] == text
    assert "ferry" in api.search("deliver to islands")[0]["content"]


def test_markdown_keeps_the_headings_a_passage_stands_under(api: Client) -> None:
    source = "# Returns\n\nText.\n\n## Shoes\n\n" + "Worn shoes cannot be returned. " * 20
    doc = api.upload("rules.md", source.encode()).json()
    assert api.settled(doc["id"])["status"] == "READY"
    chunks = api("GET", f"/v1/knowledge/{doc['id']}/chunks").json()["items"]
    assert [chunk["chunkIdx"] for chunk in chunks] == list(range(len(chunks)))
    assert any(chunk["locator"]["headings"][:1] == ["Returns"] for chunk in chunks)


def test_the_attempt_leaves_one_structured_line_without_a_word_of_the_document(api: Client, stack: Stack) -> None:
    doc_id = api.add_text("Umbrellas are kept in cupboard xylophone.")
    api.settled(doc_id)
    [line] = wait_for(lambda: stack.lines(event="job", outcome="done", id=f"ingest-{doc_id}-1"))
    assert (line["job"], line["queue"], line["attempt"]) == ("ingest", "ingestion", 1)
    assert line["ran_ms"] >= 0 and line["waited_ms"] >= 0
    assert "xylophone" not in stack.log_path.read_text()
