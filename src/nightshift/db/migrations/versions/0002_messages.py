"""Channels, messages, lanes."""

from alembic import op

revision = "0002"
down_revision = "0001"

SCHEMA = """
CREATE TABLE channels (
    workspace_id text REFERENCES workspaces ON DELETE CASCADE,
    type text,
    credentials bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'REFUSED')),
    error text,
    held_until timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, type)
);

CREATE TABLE messages (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    agent_id text NOT NULL REFERENCES agents ON DELETE CASCADE,
    channel_type text NOT NULL,
    customer_id text NOT NULL,
    content text NOT NULL,
    status text NOT NULL CHECK (status IN ('RETRYING', 'SENT', 'FAILED')),
    provider_ids text[] NOT NULL,
    error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX messages_agent_id ON messages (agent_id, id);
CREATE INDEX messages_workspace_id ON messages (workspace_id, created_at);

CREATE TABLE message_attempts (
    id text PRIMARY KEY,
    message_id text NOT NULL REFERENCES messages ON DELETE CASCADE,
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('sent', 'failed', 'unknown')),
    http_status integer,
    error text
);
CREATE INDEX message_attempts_message_id ON message_attempts (message_id, id);

ALTER TABLE work
    ADD lane text,
    ADD lane_seq bigint,
    ADD give_up_at timestamptz;
CREATE SEQUENCE work_lane_seq;
CREATE INDEX work_lane ON work (job, workspace_id, lane, lane_seq) WHERE state = 'pending' AND lane IS NOT NULL;

-- Rows of one lane go one after the other: only its head is due, the others wait at infinity. However the head leaves the
-- lane (done, failed, deleted), the next one is due in the same transaction. Who joins a lane takes the same lock.
CREATE FUNCTION work_next_in_lane() RETURNS trigger AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lane ' || OLD.job || ' ' || OLD.workspace_id || ' ' || OLD.lane, 0));
    UPDATE work SET due_at = coalesce(NEW.updated_at, OLD.updated_at)
    WHERE job = OLD.job AND due_at = 'infinity' AND row_id = (
        SELECT row_id FROM work
        WHERE job = OLD.job AND workspace_id = OLD.workspace_id AND lane = OLD.lane AND state = 'pending'
        ORDER BY lane_seq LIMIT 1);
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER work_next_in_lane AFTER DELETE OR UPDATE OF state ON work FOR EACH ROW
    WHEN (OLD.state = 'pending' AND OLD.lane IS NOT NULL) EXECUTE FUNCTION work_next_in_lane();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
