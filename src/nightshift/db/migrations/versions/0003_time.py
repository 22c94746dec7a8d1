"""Slots, the ledger, what comes in, the daily roll-up."""

from alembic import op

revision = "0003"
down_revision = "0002"

SCHEMA = """
CREATE TABLE slots (
    entry text,
    at timestamptz,
    PRIMARY KEY (entry, at)
);
-- An entry owes what comes after its first row: what was before this installation is nobody's.
INSERT INTO slots VALUES ('daily-rollup', now()), ('monthly-credit-grant', now());

CREATE TABLE balances (
    workspace_id text PRIMARY KEY REFERENCES workspaces ON DELETE CASCADE,
    balance bigint NOT NULL CHECK (balance >= 0)
);

CREATE TABLE ledger (
    workspace_id text REFERENCES workspaces ON DELETE CASCADE,
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('grant', 'usage')),
    key text NOT NULL,
    amount bigint NOT NULL CHECK ((amount > 0) = (kind = 'grant')),
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT ledger_key UNIQUE (workspace_id, kind, key)
);
CREATE INDEX ledger_created_at ON ledger USING brin (created_at);
CREATE INDEX ledger_usage ON ledger (workspace_id, created_at) WHERE kind = 'usage';

CREATE TABLE inbound_messages (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    agent_id text NOT NULL REFERENCES agents ON DELETE CASCADE,
    channel_type text NOT NULL,
    customer_id text NOT NULL,
    content text NOT NULL,
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX inbound_messages_workspace_id_at ON inbound_messages (workspace_id, at);
CREATE INDEX inbound_messages_at ON inbound_messages USING brin (at);

CREATE TABLE handoffs (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    agent_id text NOT NULL REFERENCES agents ON DELETE CASCADE,
    channel_type text NOT NULL,
    customer_id text NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX handoffs_workspace_id_created_at ON handoffs (workspace_id, created_at);
CREATE INDEX handoffs_created_at ON handoffs USING brin (created_at);

CREATE INDEX messages_created_at ON messages USING brin (created_at);

ALTER TABLE documents ADD first_ready_at timestamptz;
UPDATE documents SET first_ready_at = updated_at WHERE status = 'READY' OR chunk_count > 0;
CREATE INDEX documents_first_ready_at ON documents (first_ready_at) WHERE first_ready_at IS NOT NULL;

CREATE TABLE daily_analytics (
    day date,
    workspace_id text,
    conversations bigint NOT NULL,
    messages_in bigint NOT NULL,
    messages_out bigint NOT NULL,
    messages_failed bigint NOT NULL,
    handoffs bigint NOT NULL,
    credits_used bigint NOT NULL,
    docs_ready bigint NOT NULL,
    PRIMARY KEY (day, workspace_id)
);

CREATE TABLE rolled_days (
    day date PRIMARY KEY,
    rolled_at timestamptz NOT NULL
);

CREATE TABLE late_rows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day date NOT NULL
);
CREATE INDEX late_rows_day ON late_rows (day);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
