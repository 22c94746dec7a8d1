"""Postgres refuses to run as root: the account it runs as instead."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.errors import DevstackError

UNPRIVILEGED = ("postgres", "nobody", "daemon")


@dataclass(frozen=True)
class Account:
    """A user and its group, by number."""

    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, Any]:
        """For subprocess: run as this account and nothing more."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def reaches(self, directory: Path, program: Path) -> bool:
        """Whether it can enter the directory and run the program, tried by doing so."""
        script = 'cd "$0" && exec "$1" --version'
        command = ["/bin/sh", "-c", script, str(directory), str(program)]
        return subprocess.run(command, capture_output=True, **self.popen_arguments()).returncode == 0


def account_for(*data_directories: Path) -> Account | None:
    """None when we are not root; else the owner of the data there already is, else the first there is of UNPRIVILEGED.

    Raises DevstackError when there is none.
    """
    if os.geteuid() != 0:
        return None
    for directory in data_directories:
        if directory.exists() and directory.stat().st_uid != 0:
            return Account(directory.stat().st_uid, directory.stat().st_gid)
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DevstackError(f"Postgres does not run as root, and there is no user {', '.join(UNPRIVILEGED)}: add one.")


def give_to(account: Account | None, directory: Path) -> None:
    """It exists, is empty or as it was, and only the account can look into it."""
    directory.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(directory, account.uid, account.gid)


def open_to(account: Account | None, directory: Path) -> None:
    """It exists, stays ours, and the account's group can pass through it without listing it."""
    directory.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(directory, -1, account.gid)
        directory.chmod(0o710)
