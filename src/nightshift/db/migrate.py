"""Brings the schema up to date: `make migrate`. Two at once are harmless: one waits for the other."""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback; Postgres rolls back

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nightshift.db.session import engine
from nightshift.server_errors import reason
from nightshift.settings import SettingsError

LOCK = 7_461_001  # any number: the advisory lock of migrations


def migrate(revision: str = "head") -> None:
    """Upgrade the database to `revision`, all or nothing."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine().begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def main() -> None:
    """Ends the process with one line where it cannot migrate."""
    try:
        migrate()
    except SettingsError as error:
        sys.exit(str(error))
    except CommandError as error:  # its revision is none of ours
        sys.exit(f"The database is of another version of Nightshift: {error}.")
    except DBAPIError as error:
        sys.exit(reason(error))


if __name__ == "__main__":
    main()
