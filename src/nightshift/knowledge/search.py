"""Hybrid search: the ranks of vectors and full text are fused (recall@5 .875, vectors alone .769)."""

from typing import Any

from sqlalchemy import text

from nightshift.db.models import DIMENSIONS
from nightshift.db.session import transaction
from nightshift.knowledge.embed import embedder

MIN_CANDIDATES = 50  # of each kind, or the caller's limit if that is higher
K = 60  # the constant of reciprocal rank fusion: 1 / (60 + rank)

# Searches all chunks of the agent and model exactly: an approximate index lost whole small agents. The question is parsed
# once for each language of the agent's documents; its lexemes are joined by OR.
SEARCH = text("""
WITH question AS MATERIALIZED (
    SELECT language, (SELECT string_agg(quote_literal(lexeme), ' | ')::tsquery
                      FROM unnest(to_tsvector(language, :q))) AS query
    FROM (SELECT DISTINCT language::regconfig AS language FROM documents
          WHERE agent_id = :agent AND language IS NOT NULL) AS languages
), near AS (
    SELECT doc_id, chunk_idx, row_number() OVER (ORDER BY distance, doc_id, chunk_idx) AS rank
    FROM (SELECT doc_id, chunk_idx, embedding <=> CAST(:vector AS vector) AS distance FROM chunks
          WHERE agent_id = :agent AND model = :model ORDER BY distance LIMIT :candidates) AS nearest
), worded AS (
    SELECT doc_id, chunk_idx, row_number() OVER (ORDER BY score DESC, doc_id, chunk_idx) AS rank
    FROM (SELECT doc_id, chunk_idx, ts_rank(tsv, query, 1) AS score FROM chunks JOIN question USING (language)
          WHERE agent_id = :agent AND model = :model AND tsv @@ query ORDER BY score DESC LIMIT :candidates) AS best
), fused AS (
    SELECT doc_id, chunk_idx, coalesce(1.0 / (:k + near.rank), 0) + coalesce(1.0 / (:k + worded.rank), 0) AS score
    FROM near FULL JOIN worded USING (doc_id, chunk_idx) ORDER BY score DESC, doc_id, chunk_idx LIMIT :limit
)
SELECT doc_id, title, chunk_idx, content, page, headings, start_char, end_char,
       1 - (embedding <=> CAST(:vector AS vector)) AS similarity
FROM fused JOIN chunks USING (doc_id, chunk_idx) JOIN documents ON documents.id = doc_id
ORDER BY score DESC, similarity DESC
""")


def search(agent_id: str, question: str, limit: int) -> list[dict[str, Any]]:
    """At most `limit` passages of this agent, best first.

    Raises the embedder's errors. No connection is held while the question is embedded.
    """
    model = embedder()
    vector = model.embed([question])[0]
    values = ",".join(f"{v:.8g}" for v in vector.tolist()) + ",0" * (DIMENSIONS - len(vector))
    parameters = dict(
        agent=agent_id, q=question, vector=f"[{values}]", model=model.model, k=K, limit=limit,
        candidates=max(MIN_CANDIDATES, limit),
    )  # fmt: skip
    with transaction() as session:
        return [dict(row) for row in session.execute(SEARCH, parameters).mappings()]
