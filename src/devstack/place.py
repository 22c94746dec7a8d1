"""Where a Postgres can live: as an account that is not root's, with data and programs that account can reach."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from devstack.account import Account, account_for, give_to, open_to
from devstack.errors import DevstackError
from devstack.home import Home
from devstack.postmaster import SOCKET
from devstack.software import copy_postgres, postgres_programs


@dataclass(frozen=True)
class Place:
    """Directories that exist, and the account that owns data and sockets (None: our own)."""

    account: Account | None
    parent: Path
    sockets: Path
    programs: Path

    @property
    def data(self) -> Path:
        return self.parent / "data"


def find_place(home: Home) -> Place:
    """Below home, or outside where we are root and the account reaches one of home and programs not.

    No mode of any directory above home is changed for it.
    """
    inside, outside = home.path / "postgres", home.outside / "postgres"
    account, programs = account_for(outside / "data", inside / "data"), postgres_programs()
    parent = inside
    if account and ((outside / "data").exists() or not account.reaches(home.path.parent, programs / "postgres")):
        parent = outside
        if (inside / "data").exists():
            raise DevstackError(f"Postgres' account reaches {inside} no more. Let it pass through, or delete {inside}.")
        open_to(account, home.make_outside())
        open_to(account, parent)
        programs = copy_postgres(parent, account)
    else:
        open_to(account, home.path)
        open_to(account, parent)
    sockets = _sockets(home, account, parent)
    return Place(account, parent, sockets, programs)


def _sockets(home: Home, account: Account | None, parent: Path) -> Path:
    sockets = parent / "run"
    if parent.is_relative_to(home.path):
        sockets = home.socket_directory(sockets, SOCKET)
    if not sockets.is_relative_to(parent):
        open_to(account, home.outside)
        open_to(account, sockets.parent)
    give_to(account, sockets)
    return sockets
