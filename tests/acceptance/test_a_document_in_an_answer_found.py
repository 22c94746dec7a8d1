"""The main job from the outside: a document goes in by HTTP, its sentences come out by a question."""

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
    [line] = wait_for(lambda: stack.lines(event="job", outcome="done", id=f"ingestion-ingest-{doc_id}-1"))
    assert (line["job"], line["queue"], line["attempt"]) == ("ingestion.ingest", "ingestion", 1)
    assert line["ran_ms"] >= 0 and line["waited_ms"] >= 0
    assert "xylophone" not in stack.log_path.read_text()


def test_passages_of_another_model_are_never_compared_and_reingest_brings_them_over(api: Client, stack: Stack) -> None:
    doc_id = api.add_text("The lighthouse keeper counts the gulls.")
    api.settled(doc_id)
    stack.sql("UPDATE chunks SET model = 'the-model-before' WHERE doc_id = %s", doc_id)
    assert api.search("lighthouse keeper gulls") == []
    api("POST", f"/v1/knowledge/{doc_id}/reingest")
    api.settled(doc_id)
    assert api.search("lighthouse keeper gulls")[0]["docId"] == doc_id


def test_a_german_text_is_found_by_another_form_of_its_words(api: Client) -> None:
    text = "Die Häuser am Markt werden montags gereinigt und die Rechnungen danach an die Mieter verschickt."
    other = "Im Garten wachsen Rosen, Tulpen und ein alter Apfelbaum, den der Großvater gepflanzt hat."
    doc_id = api.add_text(text)
    api.settled(doc_id)
    api.settled(api.add_text(other))
    best = api.search("Rechnung für das Haus")[0]  # no word in common: only the stems are
    assert best["docId"] == doc_id


def test_a_question_of_no_known_word_has_no_direction_and_no_error(api: Client) -> None:
    api.settled(api.add_text("Some words to stand here."))
    for question in ("?!?", "🦉", "日本語"):
        for item in api.search(question):
            assert -1.01 <= item["similarity"] <= 1.01
