"""Amounts of currencies with three decimals; a customer's last inbound message is found at once."""

from alembic import op

revision = "0106"
down_revision = "0101"


def upgrade() -> None:
    op.execute("ALTER TABLE invoices ALTER COLUMN amount_due TYPE numeric(18, 3)")
    op.execute(
        "CREATE INDEX inbound_messages_customer ON inbound_messages (workspace_id, channel_type, customer_id, at)"
    )


def downgrade() -> None:
    op.execute("DROP INDEX inbound_messages_customer")
    op.execute("ALTER TABLE invoices ALTER COLUMN amount_due TYPE numeric(15, 2)")
