"""What a support team does on the knowledge page, in one go."""

from collections.abc import Callable
from pathlib import Path

import pytest
from client import Client
from playwright.sync_api import Page, expect
from stack import Stack

TEXT = "Returns. You may return an item within thirty days. Delivery takes three working days."
DROP = """([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    const events = ["dragover", "drop"].map((type) => new DragEvent(type, {dataTransfer: data, bubbles: true}));
    events.forEach((event) => document.body.dispatchEvent(event));
}"""


@pytest.mark.slow
def test_add_files_watch_them_ask_and_try_again(
    page: Page, api: Client, stack: Stack, add_row: Callable[..., str], tmp_path: Path
) -> None:
    expect(page).to_have_url(f"{api.base_url}/console/knowledge")
    documents = page.get_by_role("region", name="Documents")
    expect(documents).to_contain_text("There are no documents yet.")
    expect(page.get_by_role("button", name="Upload")).to_be_hidden()

    # Several at once: each has its own result, and one that cannot be added stops no other.
    with (tmp_path / "big.pdf").open("wb") as big:
        big.truncate(60 << 20)
    (tmp_path / "tool.exe").write_bytes(b"MZ\0\1\0\0")
    (tmp_path / "help.txt").write_text(TEXT)
    page.get_by_label("Add files").set_input_files([tmp_path / name for name in ("big.pdf", "tool.exe", "help.txt")])
    expect(page.get_by_text("big.pdf: The file is larger than 50 MB.")).to_be_visible()
    expect(page.get_by_text("tool.exe: Unsupported file type")).to_be_visible()
    expect(page.get_by_text("help.txt: added.")).to_be_visible()
    page.evaluate(DROP, ["dropped.txt", "Our shop is open from nine to five."])
    expect(page.get_by_text("dropped.txt: added.")).to_be_visible()
    for title in ("help.txt", "dropped.txt"):
        expect(documents.get_by_role("row", name=title)).to_contain_text("READY")

    # What changes is seen without a reload.
    busy = add_row("Handbuch für Kaffeevollautomaten.pdf", "PROCESSING", stage="embed")
    progress = documents.get_by_role("row", name="Handbuch").get_by_role("progressbar")
    stack.sql("UPDATE documents SET stage_done = 120, stage_total = 400, updated_at = now() WHERE id = %s", busy)
    expect(progress).to_have_accessible_name("Embedding 120 of 400: Handbuch für Kaffeevollautomaten.pdf")
    expect(progress).to_have_attribute("value", "35")
    scanned = "This PDF has no text: its pages are pictures."
    stack.sql("UPDATE documents SET status = 'ERROR', error_msg = %s, updated_at = now() WHERE id = %s", scanned, busy)
    row = documents.get_by_role("row", name="Handbuch")
    expect(row).to_contain_text(scanned)
    row.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status").filter(has_text="is tried again.")).to_be_visible()
    expect(row).to_contain_text("ERROR", timeout=60_000)  # the row has no source: it fails again, by its job

    page.get_by_label("Ask a question").fill("How long does delivery take?")
    page.get_by_role("button", name="Ask").click()
    passages = page.get_by_role("region", name="Passages")
    expect(passages).to_contain_text("Delivery takes three working days.")
    passages.get_by_role("link", name="help.txt").click()
    expect(page.get_by_role("heading", name="help.txt")).to_be_visible()
    expect(page.get_by_role("region", name="Passages")).to_contain_text("Characters 0–86")
