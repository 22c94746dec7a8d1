"""Where the servers of one checkout keep their files: its `.data`, and one directory outside for what cannot be there.

That is: sockets whose path would be too long, and the data of a root's Postgres that its account could not reach.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from devstack.outside import path_outside, remove_outside

SOCKET_PATH_MAX_BYTES = 103  # sun_path: 104 with its NUL on macOS, 108 on Linux


class Home:
    """`path` exists, is private and has an installation id. A new id removes what earlier ones left outside."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        make_private(self.path)
        self.outside = path_outside(self.path, self._installation())

    def socket_directory(self, directory: Path, socket: str) -> Path:
        """`directory`, or its namesake outside where the path of `socket` in it would be too long."""
        if len(os.fsencode(directory / socket)) <= SOCKET_PATH_MAX_BYTES:
            return directory
        return self.make_outside() / directory.relative_to(self.path)

    def make_outside(self) -> Path:
        """The directory outside. Raises PermissionError where someone else made it."""
        if os.path.lexists(self.outside) and self.outside.lstat().st_uid != os.geteuid():
            raise PermissionError(f"{self.outside} belongs to someone else.")
        make_private(self.outside)
        return self.outside

    def remove(self, name: str) -> None:
        """Deletes `name` in both places."""
        for parent in (self.path, self.outside):
            shutil.rmtree(parent / name, ignore_errors=True)
        with suppress(OSError):  # the other server's things may be there
            self.outside.rmdir()

    def _installation(self) -> str:
        """The id in the file `installation`; an empty or missing one is made by whoever comes first."""
        fd = os.open(self.path / "installation", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            identity = file.read()
            if not identity:
                remove_outside(self.path)
                identity = secrets.token_hex(6)
                file.write(identity)
        return identity


def make_private(directory: Path) -> None:
    """It exists, and others cannot look into it (its group may pass through, where `account.open_to` let it)."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_mode & 0o067:
        directory.chmod(0o700)
