"""Brings the schema up to date: `make migrate`. Two at once are harmless: one waits for the other."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from nightshift.db.session import engine
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
    try:
        migrate()
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
