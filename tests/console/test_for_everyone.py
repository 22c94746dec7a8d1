"""The console by keyboard, without a script, in any script of the world, and checked by axe in each state."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client import Client
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

ARABIC, GERMAN = "الأسئلة الشائعة حول الإرجاع", "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz " * 4
MARKUP = "<img src=x onerror=alert(1)>" + "x" * 9_970


def press(page: Page, key: str, until: Any) -> None:
    """Press it until this has the focus."""
    for _ in range(40):
        if until.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError("is not reached by keyboard")


def test_all_of_it_by_keyboard(visitor: Page, api: Client, add_row: Callable[..., str]) -> None:
    page = visitor
    page.goto("/console")
    expect(page.get_by_label("Key")).to_be_focused()
    page.keyboard.type("nsk_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This key is not valid.")
    expect(page.get_by_label("Key")).to_be_focused()
    page.keyboard.type(api.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    add_row("A scan", "ERROR", error_msg="No text.")
    press(page, "Tab", page.get_by_label("Ask a question"))
    page.keyboard.type("anything?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Passages")).to_be_visible()
    row = page.get_by_role("row", name="A scan")
    press(page, "Tab", row.get_by_role("button", name="Try again"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="A scan: is tried again.")).to_be_visible()
    press(page, "Tab", row.get_by_role("button", name="Delete"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Delete this document?")).to_be_visible()
    press(page, "Tab", page.get_by_role("button", name="Delete"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="A scan: deleted.")).to_be_visible()


def test_all_of_it_without_a_script(
    new_page: Callable[..., Page], api: Client, sign_in: Callable[..., None], tmp_path: Path
) -> None:
    page = new_page(java_script_enabled=False)
    sign_in(page, api.key)
    (tmp_path / "hours.txt").write_text("Our shop is open from nine to five.")
    (tmp_path / "tool.exe").write_bytes(b"MZ\0\1\0\0")
    page.get_by_label("Add files").set_input_files([tmp_path / "hours.txt", tmp_path / "tool.exe"])
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("status")).to_contain_text("hours.txt: added.")
    expect(page.get_by_role("status")).to_contain_text("tool.exe: Unsupported file type")
    page.get_by_label("Web address").fill("https://nowhere.invalid/help")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("https://nowhere.invalid/help: added.")
    api.settled(next(doc["id"] for doc in documents(api) if doc["title"] == "hours.txt"))
    page.get_by_label("Ask a question").fill("When do you open?")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("region", name="Passages")).to_contain_text("from nine to five")
    page.get_by_role("row", name="hours.txt").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_have_text("hours.txt: deleted.")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Key")).to_be_visible()


def documents(api: Client) -> Any:
    return api("GET", f"/v1/agents/{api.agent_id}/knowledge").json()["items"]


def test_every_page_in_every_state(
    new_page: Callable[..., Page],
    api: Client,
    sign_in: Callable[..., None],
    add_row: Callable[..., str],
    accessible: Any,
) -> None:
    page = new_page()
    page.goto("/console")
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    accessible(page)
    sign_in(page, api.key)
    accessible(page)  # nothing there yet

    read = api.add_text("يستغرق التوصيل ثلاثة أيام عمل. " * 30, ARABIC)
    api.settled(read)
    add_row(GERMAN, "PROCESSING", stage="embed", stage_done=1, stage_total=9)
    broken = add_row(MARKUP, "ERROR", error_msg="Die Datei ist beschädigt. " * 20)
    api("POST", "/v1/agents", json={"name": "Zweiter Agent für die Rückgabe von Kaffeevollautomaten"})
    paths = (
        "",
        "?status=READY",
        "?status=none",
        "?q=التوصيل",
        f"/{read}",
        f"/{broken}",
        f"/{broken}/delete",
        "/nothing",
    )
    for path in paths:
        page.goto(f"/console/knowledge{path}")
        accessible(page)
    page.goto("/console/knowledge")
    assert page.get_by_role("link", name=ARABIC).evaluate("link => getComputedStyle(link).direction") == "rtl"
    page.get_by_label("Agent").select_option(label="Zweiter Agent für die Rückgabe von Kaffeevollautomaten")
    expect(page.get_by_text("There are no documents yet.")).to_be_visible()
