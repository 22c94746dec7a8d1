"""Delivery reports: what vendors say of messages and mail after they accepted them, and the hooks that they say it to."""

from alembic import op

revision = "0105"
down_revision = "0104"

SCHEMA = """
ALTER TABLE channels
    ALTER COLUMN credentials DROP NOT NULL,
    ADD COLUMN since timestamptz,
    ADD COLUMN test jsonb,
    ADD COLUMN hook_id text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
    ADD COLUMN verify_token text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
    ADD CONSTRAINT channels_key UNIQUE (hook_id);
UPDATE channels SET since = updated_at;
ALTER TABLE channels ALTER COLUMN since SET NOT NULL;

ALTER TABLE messages
    ADD COLUMN delivery_state text CHECK (delivery_state IN ('accepted', 'delivered', 'read', 'failed')),
    ADD COLUMN delivery_at timestamptz;

CREATE TABLE deliveries (
    workspace_id text REFERENCES workspaces ON DELETE CASCADE,
    channel_type text,
    provider_id text,
    message_id text REFERENCES messages ON DELETE CASCADE,
    part integer,
    generation integer,
    state text NOT NULL CHECK (state IN ('accepted', 'failed', 'delivered', 'read')),
    at timestamptz NOT NULL,
    error_kind text,
    error text,
    applied boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, channel_type, provider_id)
);
CREATE INDEX deliveries_message_id ON deliveries (message_id);
CREATE INDEX deliveries_unapplied ON deliveries (message_id) WHERE NOT applied AND message_id IS NOT NULL;
CREATE INDEX deliveries_unknown ON deliveries (created_at) WHERE message_id IS NULL;

ALTER TABLE emails
    ADD COLUMN delivery_state text CHECK (delivery_state IN ('accepted', 'delivered', 'read', 'failed')),
    ADD COLUMN delivery_at timestamptz,
    ADD COLUMN delivery_error text;
CREATE INDEX emails_provider_id ON emails (provider_id);
ALTER TABLE workspaces ADD COLUMN bounced_address text;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
