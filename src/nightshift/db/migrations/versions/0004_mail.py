"""Mail and what an invoice mail is about."""

from alembic import op

revision = "0004"
down_revision = "0003"

SCHEMA = """
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
