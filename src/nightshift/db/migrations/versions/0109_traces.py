"""A row of the outbox knows the request that enqueued it."""

from alembic import op

revision = "0109"
down_revision = "0108"


def upgrade() -> None:
    op.execute("ALTER TABLE outbox ADD COLUMN traceparent text")
