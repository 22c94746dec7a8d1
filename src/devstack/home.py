"""Where the servers of one checkout keep their files, and whose they are.

In its `.data`; outside what cannot be there: sockets whose path would be too long, and the Postgres of a root whose
account could not reach `.data`. No mode of any directory above is changed.
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

OUTSIDE = Path("/var/tmp")  # noqa: S108  (outlives a reboot; the names are random and the owner is checked)
UNPRIVILEGED = ("postgres", "nobody", "daemon")

Account = dict[str, Any]  # what makes subprocess run as it and nothing more; empty: our own


def outside(home: Path) -> Path:
    """The directory its link `outside` leads to. A home without one is new: what earlier ones here had outside goes."""
    link = home / "outside"
    if not link.is_symlink() or link.readlink() not in outsides(home):
        _remove(*outsides(home))
        link.unlink(missing_ok=True)
        link.symlink_to(tempfile.mkdtemp(prefix=_prefix(home), dir=OUTSIDE))
    return link.readlink()


def outsides(home: Path) -> list[Path]:
    """What this home and earlier ones at its path have outside."""
    return [path for path in OUTSIDE.glob(f"{_prefix(home)}*") if path.lstat().st_uid == os.geteuid()]


def remove(home: Path) -> None:
    """No server of this home runs, and nothing of it is left."""
    _remove(home, *outsides(home))


def make_private(directory: Path, account: Account | None = None) -> Path:
    """It exists and only we can look into it, or the account, which may then pass through its parent too."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_mode & 0o067:
        directory.chmod(0o700)
    if account:
        os.chown(directory, account["user"], account["group"])
        os.chown(directory.parent, -1, account["group"])
        directory.parent.chmod(0o710)
    return directory


def account_for(data: Path) -> Account:
    """Postgres refuses to run as root: then it is the owner of data there are, else the first there is of UNPRIVILEGED.

    Raises DevstackError when there is none.
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
    """Whether it can enter the directory and run the program, tried by doing so."""
    command = ["/bin/sh", "-c", 'cd "$0" && exec "$1" --version', str(directory), str(program)]
    return subprocess.run(command, capture_output=True, **account).returncode == 0


def hold(path: Path, refusal: str) -> TextIO:
    """A lock, empty, held until it is closed or we end in whatever way.

    Raises DevstackError while another process has it: the refusal, and what that one wrote there.
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
