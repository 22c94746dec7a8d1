"""Where the servers of a checkout keep their files, and which account owns them.

They are in the checkout's `.data`, its home. A directory outside, to which the home links, holds what cannot be there: sockets
with a path too long or too unusual, and, where we are root, a Postgres whose account cannot reach `.data`. No mode of a directory
above is changed.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from devstack import DevstackError, listener

OUTSIDE = Path("/var/tmp")  # noqa: S108  (survives a reboot; the names are random and the owner is checked)
UNPRIVILEGED = ("postgres", "nobody", "daemon")

Account = dict[str, Any]  # arguments that make subprocess run as that account; empty: our own


def outside(home: Path) -> Path:
    """The directory outside. A home without a link is new: directories left by earlier homes at its path are removed."""
    link = home / "outside"
    if not link.is_symlink() or link.readlink() not in outsides(home):
        _remove(*outsides(home))
        link.unlink(missing_ok=True)
        link.symlink_to(tempfile.mkdtemp(prefix=_prefix(home), dir=OUTSIDE))
    return link.readlink()


def outsides(home: Path) -> list[Path]:
    """The directories outside of this home and of earlier ones at its path."""
    return [path for path in OUTSIDE.glob(f"{_prefix(home)}*") if path.lstat().st_uid == os.geteuid()]


def remove(home: Path) -> None:
    """Stop the servers of this home and delete all their files."""
    _remove(home, *outsides(home))


def make_private(directory: Path, account: Account | None = None) -> Path:
    """Create it if needed, for us alone, or for the account, which may then pass through its parent too."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_mode & 0o067:
        directory.chmod(0o700)
    if account:
        os.chown(directory, account["user"], account["group"])
        os.chown(directory.parent, -1, account["group"])
        directory.parent.chmod(0o710)
    return directory


def account_for(data: Path) -> Account:
    """The account for Postgres, which refuses to run as root: the owner of existing data, else one of UNPRIVILEGED.

    Raises DevstackError where none exists.
    """
    if os.geteuid() != 0:
        return {}
    if data.exists():
        return {"user": data.stat().st_uid, "group": data.stat().st_gid, "extra_groups": []}
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise DevstackError(f"Postgres does not run as root, and there is no user {', '.join(UNPRIVILEGED)}: add one.")


def reaches(account: Account, directory: Path, program: Path) -> bool:
    """Whether the account can enter the directory and run the program, found by trying."""
    command = ["/bin/sh", "-c", 'cd "$0" && exec "$1" --version', str(directory), str(program)]
    return subprocess.run(command, capture_output=True, **account).returncode == 0


def hold(path: Path, refusal: str) -> TextIO:
    """Lock and empty the file. The lock lasts until it is closed or the process ends.

    Raises DevstackError while another process holds it: the refusal and what that process wrote there.
    """
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DevstackError(refusal + path.read_text()) from None
    lock.truncate(0)
    return lock


def _prefix(home: Path) -> str:
    return f"nightshift-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}-"


def _remove(*directories: Path) -> None:
    for directory in directories:
        listener.end_all_below(directory)
        shutil.rmtree(directory, ignore_errors=True)
