"""The README and docs/ say what the code says: targets, files, settings, events, metrics and links are there."""

import base64
import re
from pathlib import Path

from nightshift.settings import NEEDED_IN_PRODUCTION, VENDOR_BASE_URLS, load

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page: page.read_text() for page in PAGES}
REFERENCE = TEXTS[ROOT / "docs" / "reference.md"]
SOURCES = "\n".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.py")))


class Asked(dict[str, str]):
    """An environment that remembers which variables were read."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)


def section(title: str) -> str:
    return REFERENCE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_column(text: str) -> set[str]:
    """What stands between backticks in the first column of the section's tables."""
    rows = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_make_target_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, text in TEXTS.items():
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
        assert named <= targets, (page.name, named - targets)


def test_every_file_is_there() -> None:
    for page, text in TEXTS.items():
        for path in re.findall(r"(?<![\w./-])((?:src|tests|tools|docs)/[\w./-]*\w|[\w]+\.(?:py|lua|md))\b(?!<)", text):
            if "exports" in path:  # what the reader is about to write
                continue
            found = (ROOT / path).exists() or (page.parent / path).exists()
            assert found or ("/" not in path and list((ROOT / "src").rglob(path))), (page.name, path)


def test_the_settings_are_those_of_the_program(tmp_path: Path) -> None:
    values = dict.fromkeys(NEEDED_IN_PRODUCTION, "value") | {
        "APP_ENV": "production",
        "DATABASE_URL": "postgresql://host/name",
        "REDIS_URL": "redis://host",
        "RESEND_FROM": "support@example.com",
        "CREDENTIAL_KEYS": base64.urlsafe_b64encode(bytes(32)).decode(),
    }
    environment = Asked(**values)
    load(environment, tmp_path)
    assert first_column(section("Settings")) == environment.names


def test_every_channel_has_its_row() -> None:
    assert first_column(section("Channels")) == {*VENDOR_BASE_URLS, "WEBHOOK"}


def test_every_event_and_metric_is_written_somewhere() -> None:
    for name in first_column(section("Log lines")) | first_column(section("Metrics")):
        assert f'"{name.removesuffix("_total")}"' in SOURCES, name


def test_every_link_leads_somewhere() -> None:
    for page, text in TEXTS.items():
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
            linked = (page.parent / target).resolve() if target else page
            assert linked.exists(), (page.name, target)
            if linked not in TEXTS:  # the picture
                continue
            titles = re.findall(r"^#+ (.+)$", TEXTS[linked], re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert not anchor or anchor in anchors, (page.name, target, anchor)
