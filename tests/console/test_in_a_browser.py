"""What a support team does in the console, in one go."""

from typing import Any

from client import Client
from playwright.sync_api import Page, expect

TEXT = b"Returns. You may return an item within thirty days. Delivery takes three working days."


def test_add_a_file_watch_it_and_ask_about_it(page: Page, api: Client, accessible: Any) -> None:
    expect(page).to_have_url(f"{api.base_url}/console/knowledge")
    documents = page.get_by_role("region", name="Documents")
    expect(documents).to_contain_text("There are no documents yet.")
    page.get_by_label("Add files").set_input_files({"name": "help.txt", "mimeType": "text/plain", "buffer": TEXT})
    expect(page.get_by_text("help.txt: added.")).to_be_visible()
    row = documents.get_by_role("row", name="help.txt")
    expect(row).to_contain_text("READY", timeout=60_000)
    page.get_by_label("Ask a question").fill("How long does delivery take?")
    page.get_by_role("button", name="Ask").click()
    passages = page.get_by_role("region", name="Passages")
    expect(passages).to_contain_text("Delivery takes three working days.")
    accessible(page)
    passages.get_by_role("link", name="help.txt").click()
    expect(page.get_by_role("heading", name="help.txt")).to_be_visible()
    accessible(page)
