"""Brings the schema up to date: `make migrate`. Two at once are harmless: one waits for the other."""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback; Postgres rolls back

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nightshift.db.session import engine
from nightshift.errors import NightshiftError
from nightshift.server_errors import reason

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 7_461_001  # any number: the advisory lock of migrations


class SchemaBehind(NightshiftError):
    """The database has not been migrated to this release."""


def migrate() -> None:
    """Bring the database to the newest revision, all or nothing."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine().begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_schema() -> str:
    """The revision of the database. Raises SchemaBehind where this release needs a newer one.

    One that this release does not know is newer: while two releases run, the older one goes on.
    """
    known, needed = _revisions()
    with engine().connect() as connection:
        revision = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if revision in known and revision != needed:
        raise SchemaBehind(f"The schema is at {revision}, and this release needs {needed}: run make migrate.")
    return revision


@cache
def _revisions() -> tuple[set[str], str | None]:
    """Those of this release, and the newest of them."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    return {script.revision for script in scripts.walk_revisions()}, scripts.get_current_head()


def main() -> None:
    """Ends the process with one line where it cannot migrate."""
    try:
        migrate()
    except CommandError as error:  # its revision is none of ours
        sys.exit(f"The database is of another version of Nightshift: {error}.")
    except DBAPIError as error:
        sys.exit(reason(error))


if __name__ == "__main__":
    main()
