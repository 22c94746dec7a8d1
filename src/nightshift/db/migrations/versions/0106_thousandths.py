"""Amounts of currencies with three decimals."""

from alembic import op

revision = "0106"
down_revision = "0101"


def upgrade() -> None:
    op.execute("ALTER TABLE invoices ALTER COLUMN amount_due TYPE numeric(18, 3)")


def downgrade() -> None:
    op.execute("ALTER TABLE invoices ALTER COLUMN amount_due TYPE numeric(15, 2)")
