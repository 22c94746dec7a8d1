"""The migrations make the tables that the models describe."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nightshift.db.migrate import check_schema, migrate
from nightshift.db.models import Base
from nightshift.db.session import engine


def test_models_and_migrations_agree() -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    of_migrations_alone = ("remove_table", "remove_index", "remove_constraint")
    assert [each for each in differences if each[0] not in of_migrations_alone] == []


def test_migrating_again_changes_nothing() -> None:
    before = check_schema()
    migrate()
    assert check_schema() == before
