"""Pauses: work that is not dispatched for now."""

from alembic import op

revision = "0103"
down_revision = "0102"

SCHEMA = """
CREATE TABLE pauses (
    id text PRIMARY KEY,
    workspace_id text REFERENCES workspaces ON DELETE CASCADE,
    queue text,
    channel_type text,
    jobs text[] NOT NULL,
    lanes text,
    reason text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pauses_key UNIQUE NULLS NOT DISTINCT (workspace_id, queue, channel_type)
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
