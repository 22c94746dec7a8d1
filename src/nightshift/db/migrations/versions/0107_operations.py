"""Bulk retries, and what the operator's figures are counted by."""

from alembic import op

revision = "0107"
down_revision = "0106"

SCHEMA = """
CREATE TABLE retries (
    job text,
    row_id text,
    generation integer NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (job, row_id)
);
CREATE INDEX retries_at ON retries (at);
DROP INDEX outbox_failed;
CREATE INDEX outbox_failed ON outbox (job, workspace_id, row_id) WHERE state = 'failed';
CREATE INDEX outbox_failed_at ON outbox (updated_at, row_id) WHERE state = 'failed';
CREATE INDEX outbox_blocked ON outbox (job, due_at) WHERE state = 'blocked';
CREATE INDEX outbox_done ON outbox (job, updated_at) WHERE state = 'done';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
