"""`python -m devstack` runs everything; `python -m devstack clean` removes what this checkout keeps outside .data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from devstack.errors import DevstackError
from devstack.start import clean, start
from nightshift.settings import SettingsError

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """The exit status; what went wrong goes to stderr in one line."""
    commands = {(): start, ("clean",): clean}
    command = commands.get(tuple(arguments))
    if not command:
        print("usage: python -m devstack [clean]", file=sys.stderr)
        return 2
    try:
        command(ROOT, os.environ)
    except (DevstackError, SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before anything was started
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
