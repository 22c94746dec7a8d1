"""The whole schema of the first release."""

from alembic import op

revision = "0101"
down_revision = None

SCHEMA = """
CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE workspaces (
    id text PRIMARY KEY,
    name text NOT NULL,
    notify_email text NOT NULL,
    monthly_grant bigint NOT NULL,
    low_threshold bigint NOT NULL,
    event_seq bigint NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    digest bytea NOT NULL CONSTRAINT api_keys_key UNIQUE,
    created_at timestamptz NOT NULL
);
CREATE INDEX api_keys_workspace_id ON api_keys (workspace_id);

CREATE TABLE agents (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX agents_workspace_id ON agents (workspace_id);

CREATE TABLE documents (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    agent_id text NOT NULL REFERENCES agents ON DELETE CASCADE,
    type text NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    source_hash bytea NOT NULL,
    status text NOT NULL CHECK (status IN ('PENDING', 'PROCESSING', 'READY', 'ERROR')),
    chunk_count integer NOT NULL,
    error_msg text,
    stage text,
    stage_done integer NOT NULL,
    stage_total integer NOT NULL,
    language text,
    etag text,
    last_modified text,
    first_ready_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT documents_key UNIQUE (agent_id, source_hash)
);
CREATE INDEX documents_workspace_id ON documents (workspace_id);
CREATE INDEX documents_agent_id ON documents (agent_id, id);
CREATE INDEX documents_first_ready_at ON documents (first_ready_at) WHERE first_ready_at IS NOT NULL;

CREATE TABLE document_parts (
    doc_id text REFERENCES documents ON DELETE CASCADE,
    part integer,
    data bytea NOT NULL,
    PRIMARY KEY (doc_id, part)
);
ALTER TABLE document_parts ALTER COLUMN data SET STORAGE EXTERNAL; -- PDFs are compressed already

CREATE TABLE chunks (
    doc_id text REFERENCES documents ON DELETE CASCADE,
    chunk_idx integer,
    agent_id text NOT NULL,
    content text NOT NULL,
    page integer,
    headings text[] NOT NULL,
    start_char integer NOT NULL,
    end_char integer NOT NULL,
    model text NOT NULL,
    embedding vector(1536) NOT NULL,
    language regconfig,
    tsv tsvector GENERATED ALWAYS AS (to_tsvector(language, content)) STORED,
    PRIMARY KEY (doc_id, chunk_idx)
);
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN; -- exact search 3 to 6 times faster
ALTER TABLE chunks ALTER COLUMN tsv SET STORAGE MAIN; -- beside the vector in its page, where it fits
CREATE INDEX chunks_agent_id ON chunks (agent_id);

CREATE TABLE paid_embeddings (
    doc_id text REFERENCES documents ON DELETE CASCADE,
    model text,
    content_hash bytea,
    embedding vector(1536) NOT NULL,
    PRIMARY KEY (doc_id, model, content_hash)
);

CREATE TABLE outbox (
    job text,
    row_id text,
    workspace_id text NOT NULL,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'dispatched', 'running', 'blocked', 'done', 'failed')),
    due_at timestamptz NOT NULL DEFAULT now(),
    generation integer NOT NULL DEFAULT 0,
    dispatched_at timestamptz,
    lease_owner text,
    lease_until timestamptz,
    runs integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    deaths integer NOT NULL DEFAULT 0,
    waited_seconds double precision NOT NULL DEFAULT 0,
    lane text,
    lane_seq bigint,
    give_up_at timestamptz,
    error text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job, row_id)
);
CREATE INDEX outbox_pending ON outbox (job, workspace_id, due_at, row_id) WHERE state = 'pending';
CREATE INDEX outbox_due ON outbox (due_at, job, workspace_id) WHERE state = 'pending';
CREATE INDEX outbox_active ON outbox (job, workspace_id) WHERE state IN ('dispatched', 'running');
CREATE INDEX outbox_failed ON outbox (job) WHERE state = 'failed';
CREATE SEQUENCE outbox_lane_seq;
CREATE INDEX outbox_lane ON outbox (job, workspace_id, lane, lane_seq)
    WHERE lane IS NOT NULL AND state IN ('pending', 'dispatched', 'running', 'blocked');

-- Promise 6: rows of one lane run one after the other. Only the head is not blocked. However it leaves the lane (done,
-- failed, deleted), its successor is pending in the same transaction. Who joins a lane takes the same lock.
CREATE FUNCTION outbox_next_in_lane() RETURNS trigger AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lane ' || OLD.job || ' ' || OLD.workspace_id || ' ' || OLD.lane, 0));
    UPDATE outbox SET state = 'pending', updated_at = clock_timestamp()
    WHERE job = OLD.job AND state = 'blocked' AND row_id = (
        SELECT row_id FROM outbox
        WHERE job = OLD.job AND workspace_id = OLD.workspace_id AND lane = OLD.lane
              AND state IN ('pending', 'dispatched', 'running', 'blocked')
        ORDER BY lane_seq LIMIT 1);
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER outbox_settled AFTER UPDATE OF state ON outbox FOR EACH ROW
    WHEN (OLD.lane IS NOT NULL AND OLD.state NOT IN ('done', 'failed') AND NEW.state IN ('done', 'failed'))
    EXECUTE FUNCTION outbox_next_in_lane();
CREATE TRIGGER outbox_deleted AFTER DELETE ON outbox FOR EACH ROW
    WHEN (OLD.lane IS NOT NULL AND OLD.state NOT IN ('done', 'failed')) EXECUTE FUNCTION outbox_next_in_lane();

CREATE TABLE events (
    workspace_id text REFERENCES workspaces ON DELETE CASCADE,
    seq bigint,
    name text NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, seq)
);
CREATE INDEX events_created_at ON events (created_at);

CREATE TABLE idempotency_keys (
    scope text,
    key text,
    fingerprint bytea NOT NULL,
    answer bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE TABLE channels (
    workspace_id text REFERENCES workspaces ON DELETE CASCADE,
    type text,
    credentials bytea NOT NULL,
    version integer NOT NULL,
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
CREATE INDEX messages_created_at ON messages USING brin (created_at);

CREATE TABLE message_attempts (
    message_id text REFERENCES messages ON DELETE CASCADE,
    generation integer,
    at timestamptz NOT NULL,
    credentials_version integer NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('sent', 'failed', 'unknown')),
    http_status integer,
    error text,
    PRIMARY KEY (message_id, generation)
);

CREATE TABLE slots (
    entry text,
    at timestamptz,
    PRIMARY KEY (entry, at)
);
-- An entry counts from its first slot on: what was before this installation is not enqueued.
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

CREATE TABLE dirty_days (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day date NOT NULL
);
CREATE INDEX dirty_days_day ON dirty_days (day);

CREATE TABLE emails (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    kind text NOT NULL,
    key text NOT NULL,
    to_address text NOT NULL,
    subject text NOT NULL,
    html text NOT NULL,
    text text NOT NULL,
    status text NOT NULL CHECK (status IN ('PENDING', 'SENT', 'FAILED')),
    provider_id text,
    error text,
    key_round integer NOT NULL,
    maybe_sent_at timestamptz,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    updated_at timestamptz NOT NULL,
    CONSTRAINT emails_key UNIQUE (workspace_id, key)
);
CREATE INDEX emails_workspace_id ON emails (workspace_id, id);

CREATE TABLE invoices (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    number text NOT NULL,
    amount_due numeric(15, 2) NOT NULL,
    currency text NOT NULL,
    url text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT invoices_key UNIQUE (workspace_id, number)
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
