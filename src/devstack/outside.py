"""The directories outside of `.data`: one an installation, found again by the path of the home they belong to."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from devstack import postmaster

OUTSIDE = Path("/var/tmp")  # noqa: S108  (outlives a reboot; the names hold a random id and the owner is checked)


def path_outside(home: Path, installation: str) -> Path:
    return OUTSIDE / f"{_prefix(home)}{installation}"


def remove_outside(home: Path) -> None:
    """Nothing that any installation below `home` kept outside is left, and no Postgres runs there."""
    for directory in OUTSIDE.glob(f"{_prefix(home)}*"):
        if directory.lstat().st_uid == os.geteuid():
            postmaster.end(directory / "postgres" / "data")
            shutil.rmtree(directory)


def _prefix(home: Path) -> str:
    return f"nightshift-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}-"
