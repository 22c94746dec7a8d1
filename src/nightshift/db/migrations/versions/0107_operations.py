"""Bulk retries, and what the operator's figures are counted by."""

from alembic import op

revision = "0107"
down_revision = "0106"

SCHEMA = """
CREATE INDEX IF NOT EXISTS inbound_messages_channel ON inbound_messages (workspace_id, channel_type, at);
CREATE INDEX IF NOT EXISTS messages_customer ON messages (workspace_id, channel_type, customer_id, created_at);

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
CREATE INDEX outbox_done ON outbox (updated_at, job) WHERE state = 'done';

-- How many rows are done is known without counting them all: those of each hour that is over are counted once, by the scheduler.
-- What is not done any more afterwards (enqueued again, deleted) is noted here until the count of its hour is corrected.
CREATE TABLE done_hours (
    job text,
    hour timestamptz,
    number bigint NOT NULL,
    PRIMARY KEY (job, hour)
);
CREATE TABLE undone (
    job text NOT NULL,
    done_at timestamptz NOT NULL
);
CREATE FUNCTION outbox_undone() RETURNS trigger AS $$
BEGIN
    INSERT INTO undone VALUES (OLD.job, OLD.updated_at);
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER outbox_undone AFTER UPDATE OF state ON outbox FOR EACH ROW
    WHEN (OLD.state = 'done' AND (NEW.state <> 'done' OR NEW.updated_at <> OLD.updated_at)) EXECUTE FUNCTION outbox_undone();
CREATE TRIGGER outbox_done_deleted AFTER DELETE ON outbox FOR EACH ROW
    WHEN (OLD.state = 'done') EXECUTE FUNCTION outbox_undone();

-- When the verdict became another one.
CREATE TABLE verdicts (
    since timestamptz PRIMARY KEY,
    state text NOT NULL,
    cause text NOT NULL
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
