"""Pages and files as the web has them, by address and as uploads: what a reader sees, or a sentence that is true."""

from collections.abc import Iterator

import pytest
from client import Client
from site_server import Page, Site, serving

QUESTION, ANSWER = "Where is my parcel?", "Parcels take three days."
FAQ = f"""<!doctype html><html><head><title>Help</title></head><body><nav><a href="/">Home</a></nav><main><h1>Help</h1>
    <div><button aria-expanded="false">Can I cancel?</button><div hidden>Cancel until midnight.</div></div>
    <div><button aria-expanded="false">{QUESTION}</button><div style="display:none">{ANSWER}</div></div></main></body></html>"""
MAIL = """From: a@example.com\r\nSubject: =?utf-8?Q?R=C3=BCckgabe?=\r\nMIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\r\nBitte zur=FCck bis M=E4rz.\r\n--b\r\nContent-Type: application/pdf\r\n\
Content-Disposition: attachment; filename="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n"""
FLAT = """<?xml version="1.0"?><?mso-application progid="Word.Document"?><pkg:package
    xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"></pkg:package>"""


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


def chunks(api: Client, doc_id: str) -> list[dict]:  # type: ignore[type-arg]
    doc = api.settled(doc_id)
    assert doc["status"] == "READY", doc
    return list(api("GET", f"/v1/knowledge/{doc_id}/chunks").json()["items"])


def text_of(api: Client, doc_id: str) -> str:
    return "\n".join(chunk["content"] for chunk in chunks(api, doc_id))


def test_an_answer_that_a_click_shows_is_found_by_address_and_as_an_upload(api: Client, site: Site) -> None:
    site.pages["/faq"] = Page(FAQ.encode())
    by_address = api.add(type="url", url=f"{site.url}/faq").json()["id"]
    for doc_id in (by_address, api.upload("faq.html", FAQ.encode()).json()["id"]):
        text = text_of(api, doc_id)
        assert text.index(QUESTION) < text.index(ANSWER)


def test_what_the_server_says_of_a_page_is_believed(api: Client, site: Site) -> None:
    pages = {
        "/fragment": (Page(b"<div><h2>Cancel</h2><p>Open Account &gt; Plans.</p></div>"), "Open Account > Plans."),
        "/latin": (Page("Två år från köpet".encode("latin-1"), "text/plain; charset=iso-8859-1"), "Två år från köpet"),
        "/export?format=csv": (Page(b'Artikel;Preis\nKabel;"12,50 ""netto"""\n', "text/csv"), 'Kabel | 12,50 "netto"'),
        "/utf-16": (Page("Größe L".encode("utf-16-le"), "text/plain; charset=utf-16le"), "Größe L"),
        "/moved": (
            Page(b'<meta http-equiv="refresh" content="0; url=/fragment"><p>Redirecting...'),
            "Open Account > Plans.",
        ),
    }
    site.pages |= {path: page for path, (page, _) in pages.items()}
    found = {path: api.add(type="url", url=f"{site.url}{path}").json()["id"] for path in pages}
    for path, (_, words) in pages.items():
        assert words in text_of(api, found[path]), path


def test_what_is_no_text_ends_in_a_sentence(api: Client, site: Site) -> None:
    shell = (
        '<!doctype html><html><body><div id="root"><p>Loading...</p></div><script src="a.js"></script></body></html>'
    )
    notice = '<html><body><p>We use cookies. Accept?</p><div id="app"></div><script src="a.js"></script></body></html>'
    inward = '<meta http-equiv="refresh" content="0; url=http://10.0.0.1/">'
    pages = {
        "/shell": (Page(shell.encode()), "JavaScript"),
        "/notice": (Page(notice.encode()), "JavaScript"),
        "/inward": (Page(inward.encode()), "private network"),
        "/round": (Page(b'<meta http-equiv="refresh" content="0; url=/about">'), "more than 5 times"),
        "/about": (Page(b'<meta http-equiv="refresh" content="0; url=/round">'), "more than 5 times"),
        "/unchanged": (Page(b"", status=304), "304"),
        "/flat.xml": (Page(FLAT.encode(), "application/xml"), "Flat OPC"),
    }
    site.pages |= {path: page for path, (page, _) in pages.items()}
    found = {path: api.add(type="url", url=f"{site.url}{path}").json()["id"] for path in pages}
    for path, (_, words) in pages.items():
        doc = api.settled(found[path])
        assert (doc["status"], doc["retryAt"]) == ("ERROR", None), path
        assert words in doc["errorMsg"], path


def test_mail_is_decoded_and_xml_of_office_is_refused_by_its_name(api: Client) -> None:
    doc_id = api.upload("mail.eml", MAIL.encode()).json()["id"]
    assert "Rückgabe" in (text := text_of(api, doc_id)) and "Bitte zurück bis März." in text
    assert api.doc(doc_id)["errorMsg"] == "Attachments were left out: a.pdf."
    refused = api.upload("flat.xml", FLAT.encode())
    assert (refused.status_code, "Flat OPC" in refused.json()["detail"]) == (415, True)
