"""Hybrid search: passages are compared with a question by their vectors and by their words, exactly."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nightshift.db.models import DIMENSIONS
from nightshift.db.session import statement
from nightshift.knowledge.embed import embedder
from nightshift.knowledge.embedding import Vectors
from nightshift.knowledge.question import Question, vector_in_time
from nightshift.words import Words

# The languages of the agent's documents, and which of the question's words are too common in each to tell anything.
LANGUAGES = """
SELECT language, ARRAY(SELECT word FROM unnest(CAST(%(words)s AS text[])) AS word, pg_ts_dict WHERE dictname = language || '_stem'
                       AND ts_lexize(CAST(pg_ts_dict.oid AS regdictionary), word) = '{}') AS stop_words
FROM (SELECT DISTINCT coalesce(language, 'simple') AS language FROM documents WHERE agent_id = %(agent)s) AS languages
"""

# Scans all chunks of the agent and model: an approximate index lost whole small agents. One inner product tells how often
# each of twelve words occurs in a passage: the question's sparse vector has a power of 4 for each word, a passage's has the
# word's count (1 to 3), and their product is a number to the base 4. Words that stand in few passages weigh more (BM25's
# weight). The share of the words' weight that a passage has and its cosine are worth the same. Codes and names count beside
# them, the more the fewer passages they stand in: one that stands in a single passage decides.
SEARCH = """
WITH question AS MATERIALIZED (
    SELECT language, part, CAST(vector AS sparsevec) AS vector
    FROM unnest(CAST(%(languages)s AS text[]), CAST(%(parts)s AS int[]), CAST(%(vectors)s AS text[]))
         AS q (language, part, vector)
), scanned AS MATERIALIZED (
    SELECT chunks.ctid AS passage, coalesce(part, 0) AS part, CAST(-(words <#> question.vector) AS int) AS digits,
           CASE WHEN coalesce(part, 0) = 0 THEN 1 - (embedding <=> CAST(%(vector)s AS vector)) END AS similarity
    FROM chunks LEFT JOIN question USING (language) WHERE agent_id = %(agent)s AND model = %(model)s
), counted AS (
    SELECT part, digits, passages, 12 * part + n AS word, digits >> 2 * n & 3 AS count
    FROM (SELECT part, digits, count(*) AS passages FROM scanned WHERE digits > 0 GROUP BY part, digits) AS sums,
         generate_series(0, 11) AS n
    WHERE digits >> 2 * n & 3 > 0
), weights AS (
    SELECT word, passages, ln(1 + (total - passages + 0.5) / (passages + 0.5)) AS weight
    FROM (SELECT word, CAST(sum(passages) AS float) AS passages FROM counted GROUP BY word) AS sums,
         (SELECT count(*) AS total FROM scanned WHERE part = 0) AS all_passages
), scored AS (
    SELECT part, digits, sum(weight * (0.7 + 0.3 * count)) / (SELECT sum(weight) FROM weights)
                         + coalesce(sum(2 / weights.passages) FILTER (WHERE word = ANY(CAST(%(exact)s AS int[]))), 0) AS score
    FROM counted JOIN weights USING (word) GROUP BY part, digits
), best AS (
    SELECT passage, similarity, coalesce(score, 0) + coalesce(nullif(similarity, 'NaN'), 0) AS score
    FROM (SELECT passage, sum(score) AS score, max(similarity) AS similarity
          FROM scanned LEFT JOIN scored USING (part, digits) GROUP BY passage) AS passages
    WHERE similarity IS NOT NULL OR score > 0 ORDER BY 3 DESC, passage LIMIT %(limit)s
)
SELECT doc_id, title, chunk_idx, content, page, headings, start_char, end_char, places, chunks.language, similarity,
       (SELECT jsonb_object_agg(word, weight) FROM weights) AS weights
FROM best JOIN chunks ON chunks.ctid = passage JOIN documents ON documents.id = doc_id ORDER BY score DESC, passage
"""


@dataclass(frozen=True)
class Found:
    """Passages, best first. `by_words`: the embedding service did not answer in time, so words alone decided."""

    passages: list[dict[str, Any]]
    by_words: bool


def search(agent_id: str, question: str, limit: int) -> Found:
    """At most `limit` passages of this agent.

    Raises the embedder's errors that waiting does not mend. No connection is held while the question is embedded.
    """
    model = embedder()
    vector, asked = vector_in_time(model, question), Question.of(question)
    stop_words = dict(statement(LANGUAGES, agent=agent_id, words=asked.words))
    own = parameters_of(asked, stop_words, vector)
    rows = statement(SEARCH, agent=agent_id, model=model.model, limit=limit, **own)
    return Found([_at_its_best_part(row._asdict(), asked) for row in rows], vector is None)


def parameters_of(
    question: Question, stop_words: Mapping[str, Collection[str]], vector: Vectors | None
) -> dict[str, Any]:
    """`stop_words`: for each language of the agent's documents."""
    parts = [
        (name, part, v) for name, stop in stop_words.items() for part, v in enumerate(question.vectors(name, stop))
    ]
    values = None if vector is None else [f"{v:.8g}" for v in vector.tolist()] + ["0"] * (DIMENSIONS - len(vector))
    return dict(
        languages=[name for name, _, _ in parts], parts=[part for _, part, _ in parts], vectors=[v for _, _, v in parts],
        exact=list(question.exact(stop_words)), vector=values and f"[{','.join(values)}]",
    )  # fmt: skip


def _at_its_best_part(row: dict[str, Any], question: Question) -> dict[str, Any]:
    """The passage with the place of the part that has most of the question's words, by their weight."""
    if not row["places"]:
        return row
    find, weights = Words(row["language"]), row["weights"] or {}
    weight_of = {find.stem(question.words[int(number)]): weight for number, weight in weights.items()}
    columns = len(row["content"]) - (row["end_char"] - row["start_char"])  # their names, repeated before the text
    begin = row["start_char"] - columns

    def weight(place: Mapping[str, Any]) -> float:
        part = set(find(row["content"][place["start"] - begin : place["end"] - begin]))
        return sum(weight_of[word] for word in part & weight_of.keys())

    best = max(row["places"], key=weight)
    return row | dict(page=best["page"], headings=best["headings"], start_char=best["start"], end_char=best["end"])
