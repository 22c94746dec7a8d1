"""Knowledge by address: fetched, read like an upload, fetched again, and never from a private network."""

import io
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import pytest
from client import Client
from recorder import Recorder
from reportlab.pdfgen.canvas import Canvas
from site_server import Page, Site, serving
from stack import Stack, wait_for


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


def html(*paragraphs: str, title: str = "Help") -> bytes:
    body = "".join(f"<p>{p}</p>" for p in paragraphs)
    menu = "<nav><a href='/'>Home</a> <a href='/shop'>Our shop menu</a></nav>"
    article = f"<article><h1>{title}</h1>{body}</article>"
    return f"<!doctype html><html><head><title>{title}</title></head><body>{menu}{article}</body></html>".encode()


def paragraph(word: str, number: int) -> str:
    return f"Paragraph {number} about {word} says that parcels of group {number} are sent on time. " * 12


def add(api: Client, url: str) -> str:
    answer = api.add(type="url", url=url)
    assert answer.status_code == 202, answer.text
    assert answer.json()["type"] == "url"
    return str(answer.json()["id"])


def test_a_page_is_fetched_and_its_main_text_found(api: Client, site: Site) -> None:
    site.pages["/help"] = Page(
        html("Flamingos are delivered standing on one leg. " * 8, "A second paragraph speaks of cranes. " * 8)
    )
    doc_id = add(api, f"{site.url}/help")
    assert api.settled(doc_id)["status"] == "READY"
    best = api.search("How are flamingos delivered?")[0]
    assert best["docId"] == doc_id
    assert "<p>" not in best["content"]
    assert "shop menu" not in best["content"]


def test_a_linked_pdf_is_read_as_if_uploaded(api: Client, site: Site) -> None:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(60, 700, "The walrus clause stands in a PDF.")
    canvas.save()
    site.pages["/terms"] = Page(file.getvalue(), "application/octet-stream")
    doc_id = add(api, f"{site.url}/terms")
    api.settled(doc_id)
    assert api.search("walrus clause")[0]["locator"]["page"] == 1


def test_the_same_address_again_is_the_same_document(api: Client, site: Site) -> None:
    site.pages["/"] = Page(html("Only one of this."))
    doc_id = add(api, f"{site.url}/")
    api.settled(doc_id)
    again = api.add(type="url", url=f"{site.url}/#top")
    assert (again.status_code, again.json()["id"]) == (200, doc_id)


def test_an_unchanged_page_is_asked_for_by_its_etag_and_costs_no_embedding(
    api: Client, site: Site, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    site.pages["/p"] = Page(
        html(paragraph(word, 1)), headers={"ETag": '"one"', "Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"}
    )
    doc_id = add(api, f"{site.url}/p")
    first = api.settled(doc_id)
    calls = len(vendors.asked("/embeddings", word))
    api("POST", f"/v1/knowledge/{doc_id}/reingest")
    again = api.settled(doc_id)
    assert (again["status"], again["chunkCount"]) == ("READY", first["chunkCount"])
    assert site.asked[-1][1]["if-none-match"] == '"one"'
    assert site.asked[-1][1]["if-modified-since"] == "Mon, 02 Nov 2026 10:00:00 GMT"
    assert len(vendors.asked("/embeddings", word)) == calls


def test_of_a_changed_page_only_the_changed_passages_are_embedded(api: Client, site: Site, vendors: Recorder) -> None:
    word = f"word{uuid4().hex}"
    site.pages["/p"] = Page(html(*[paragraph(word, n) for n in range(6)]))
    doc_id = add(api, f"{site.url}/p")
    api.settled(doc_id)
    before = len(vendors.embedded(word))
    api("POST", f"/v1/knowledge/{doc_id}/reingest")
    api.settled(doc_id)
    assert len(vendors.embedded(word)) == before, "no validator, same text: nothing is paid again"
    site.pages["/p"] = Page(html(*[paragraph(word, n) for n in range(5)], paragraph(f"{word} and penguins", 99)))
    api("POST", f"/v1/knowledge/{doc_id}/reingest")
    doc = api.settled(doc_id)
    fresh = vendors.embedded(word)[before:]
    assert 1 <= len(fresh) < doc["chunkCount"]
    assert all("penguins" in text for text in fresh)
    assert api.search("penguins")[0]["docId"] == doc_id


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://192.168.1.1/x"]
)
def test_a_private_address_ends_in_a_sentence_that_does_not_repeat_it(url: str, api: Client, stack: Stack) -> None:
    doc = api.settled(add(api, url))
    assert (doc["status"], doc["retryAt"]) == ("ERROR", None)
    assert "private network" in doc["errorMsg"]
    assert url not in doc["errorMsg"]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(b"gone", status=404), "nothing at this address"),
        (Page(b"\x89PNG\r\n\x1a\n" + bytes(200), "image/png"), "neither a web page"),
        (Page(b"<!doctype html><html><body><script>render()</script><div id=app></div></body></html>"), "JavaScript"),
    ],
)
def test_what_cannot_be_read_there_is_said_at_once(page: Page, words: str, api: Client, site: Site) -> None:
    site.pages["/x"] = page
    doc = api.settled(add(api, f"{site.url}/x"))
    assert (doc["status"], doc["attempts"]) == ("ERROR", 1)
    assert words in doc["errorMsg"]


def test_a_busy_server_is_given_the_time_it_asks_for(api: Client, site: Site, stack: Stack) -> None:
    site.pages["/x"] = Page(b"", status=503, headers={"Retry-After": "90"})
    doc_id = add(api, f"{site.url}/x")
    doc = wait_for(lambda: (d := api.doc(doc_id))["retryAt"] and d)
    assert datetime.fromisoformat(doc["retryAt"]) > datetime.fromisoformat(doc["updatedAt"])
    assert stack.due(doc_id) and stack.failures(doc_id) == 0
    site.pages["/x"] = Page(html("Here again, and full of text about otters."))
    stack.hurry(doc_id)
    assert api.settled(doc_id)["status"] == "READY"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/x",
        "http://user:pw@example.com/",
        "http://example.com:8080/",
        "http://127.1/",
        "javascript:1",
        5,
    ],
)
def test_a_bad_address_is_422_and_names_the_field(url: object, api: Client) -> None:
    answer = api.add(type="url", url=url)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["url"]
