"""Passages are found by their words in every language, and say where each of their parts stands."""

from typing import Any

from alembic import op
from sqlalchemy import text

from nightshift.words import Words, counts, literal

revision = "0104"
down_revision = "0103"

SCHEMA = """
ALTER TABLE chunks DROP COLUMN tsv;
ALTER TABLE chunks ALTER COLUMN language TYPE text USING coalesce(language::text, 'simple');
ALTER TABLE chunks ALTER COLUMN language SET NOT NULL;
ALTER TABLE chunks ADD COLUMN words sparsevec(536870912) NOT NULL DEFAULT '{}/536870912';
ALTER TABLE chunks ALTER COLUMN words DROP DEFAULT;
ALTER TABLE chunks ADD COLUMN places jsonb;
ALTER TABLE chunks ALTER COLUMN words SET STORAGE MAIN; -- beside the vector in its page, and not compressed where it fits
ALTER TABLE chunks SET (toast_tuple_target = 8160);
"""
PASSAGES = text("SELECT chunk_idx, content, language FROM chunks WHERE doc_id = :doc")
UPDATE = text("UPDATE chunks SET words = CAST(:words AS sparsevec) WHERE doc_id = :doc AND chunk_idx = :idx")


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(SCHEMA)
    for doc_id in connection.scalars(text("SELECT DISTINCT doc_id FROM chunks")).all():
        if rows := [_words(doc_id, *row) for row in connection.execute(PASSAGES, {"doc": doc_id})]:
            connection.execute(UPDATE, rows)


def _words(doc_id: str, idx: int, content: str, language: str) -> dict[str, Any]:
    return {"doc": doc_id, "idx": idx, "words": literal(counts(Words(language)(content)))}
