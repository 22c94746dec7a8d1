"""Amounts of currencies with three decimals; customers: what is found and what is kept of them."""

from alembic import op

revision = "0106"
down_revision = "0105"


def upgrade() -> None:
    op.execute("ALTER TABLE invoices ALTER COLUMN amount_due TYPE numeric(18, 3)")
    op.execute("ALTER TABLE idempotency_keys ADD COLUMN row_id text")
    op.execute(
        """CREATE TABLE deleted_counts (
            day date,
            workspace_id text REFERENCES workspaces ON DELETE CASCADE,
            conversations bigint NOT NULL,
            messages_in bigint NOT NULL,
            messages_out bigint NOT NULL,
            messages_failed bigint NOT NULL,
            handoffs bigint NOT NULL,
            PRIMARY KEY (day, workspace_id)
        )"""
    )
    op.execute(
        "CREATE INDEX inbound_messages_customer ON inbound_messages (workspace_id, channel_type, customer_id, at)"
    )
