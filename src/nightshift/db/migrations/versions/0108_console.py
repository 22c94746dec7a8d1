"""The console: sessions that were ended, and the documents that need a look."""

from alembic import op

revision = "0108"
down_revision = "0107"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE ended_sessions (
            id text PRIMARY KEY,
            ended_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )"""
    )
    op.execute("CREATE INDEX documents_unready ON documents (agent_id, status, id) WHERE status <> 'READY'")
