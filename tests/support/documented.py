"""The commands that a page tells its reader to run."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def section(page: str, title: str) -> str:
    """What stands under this heading, up to the next one of its level."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", (ROOT / page).read_text(), re.M | re.S)
    assert found, (page, title)
    return found[2]


def blocks(page: str, title: str) -> list[str]:
    """Its blocks of commands, in order."""
    return re.findall(r"^```\n(.*?)^```$", section(page, title), re.M | re.S)
