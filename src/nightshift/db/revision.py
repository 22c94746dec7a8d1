"""Which schema this release needs, and which one the database has."""

from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

VERSIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def needed() -> str:
    """The newest migration of this release."""
    return max(path.stem.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def there(session: Session) -> str | None:
    """The database's; None where it was never migrated."""
    if session.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    return session.scalar(text("SELECT version_num FROM alembic_version"))
