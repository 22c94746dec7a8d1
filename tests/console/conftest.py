"""The console in a browser: Debian's Chromium, driven by Playwright. Without one these tests are left out, and say so."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from client import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright
from programs import cannot_run
from stack import Stack

SERIOUS = ("serious", "critical")
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
WAIT_MS = 60_000  # bounds a hang; no measure of speed


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        cannot_run("needs chromium (the console in a browser)")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield started
        started.close()


@pytest.fixture
def new_page(browser: Browser, stack: Stack) -> Iterator[Callable[..., Page]]:
    """Makes a page of a browser of its own: nothing is shared with another one. It fails for a script's error."""
    contexts, errors = [], []

    def make(**options: Any) -> Page:
        context = browser.new_context(base_url=stack.base_url, viewport=options.pop("viewport", WIDE), **options)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture
def visitor(new_page: Callable[..., Page]) -> Page:
    """A page of nobody."""
    return new_page()


@pytest.fixture
def sign_in() -> Callable[..., None]:
    """Signs a page in with a key, through the form, on the way to a path."""

    def enter(page: Page, key: str, path: str = "/console") -> None:
        page.goto(path)
        page.get_by_label("Key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()

    return enter


@pytest.fixture
def page(visitor: Page, api: Client, sign_in: Callable[..., None]) -> Page:
    """A page that the workspace of `api` is signed in at."""
    sign_in(visitor, api.key)
    return visitor


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Finds no serious fault on the page as it is: light and wide, dark and narrow, and never a sideways scroll."""

    def check(page: Page) -> None:
        for scheme, size in (("light", WIDE), ("dark", NARROW)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size(size)  # type: ignore[arg-type]
            found = Axe().run(page).response["violations"]
            faults = [
                (each["id"], [node["html"] for node in each["nodes"]]) for each in found if each["impact"] in SERIOUS
            ]
            assert not faults, (page.url, scheme, faults)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (page.url, size)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]

    return check


@pytest.fixture
def add_row(stack: Stack, api: Client) -> Callable[..., str]:
    """Adds a document as its row says it is, without a job: nothing happens to it by itself. Returns its id."""

    def add(title: str, status: str, **values: Any) -> str:
        row = dict(
            id=f"doc_{time.time_ns():024d}", workspace_id=api.workspace_id, agent_id=api.agent_id, type="file", kind="pdf",
            title=title, source_hash=os.urandom(32), status=status, chunk_count=0, stage_done=0, stage_total=0,
        ) | values  # fmt: skip
        columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        insert = f"INSERT INTO documents ({columns}, created_at, updated_at) VALUES ({marks}, now(), now())"
        stack.sql(insert, *row.values())
        return str(row["id"])

    return add
