"""What a search finds: identifiers, and answers to questions in five languages."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import patch

import codes
from figures import Figure, compare
from harness import HERE, Servers
from ingesting import new_document, tenant

from nightshift.knowledge import search as searching
from nightshift.knowledge.search import search

QUESTIONS = HERE / "questions"  # lines "> question = answer" below the text in which the answer stands word for word
ASKED_CODES = 40  # of each document


def identifiers() -> Figure:
    """Codes asked for by a question and alone: the share of those whose first passage has them."""
    asked = first = 0
    for document in codes.documents():
        agent = agent_with(document.kind, document.text)
        for code in random.Random(1).sample(document.codes, ASKED_CODES):
            for question in document.questions:
                [best] = search(agent, question.format(code=code), 1).passages
                first += code in best["content"]
                asked += 1
    return compare(f"identifiers first, of {asked:,} questions, against all", first / asked, 1, "share", ">= 1")


@dataclass(frozen=True)
class Asked:
    agent: str
    question: str
    answer: str


def questions() -> Iterator[Asked]:
    for path in sorted(QUESTIONS.glob("*.md")):
        lines = path.read_text().splitlines()
        text = "\n".join(line for line in lines if not line.startswith("> "))
        agent = agent_with("markdown", text)
        for line in lines:
            if line.startswith("> "):
                question, _, answer = line.removeprefix("> ").partition(" = ")
                assert answer in text, line
                yield Asked(agent, question, answer)


def recall(asked: list[Asked]) -> float:
    """The share of questions whose answer stands in one of the first five passages."""
    found = [any(a.answer in p["content"] for p in search(a.agent, a.question, 5).passages) for a in asked]
    return sum(found) / len(found)


def agent_with(kind: str, text: str) -> str:
    from jobs.ingestion import ingest

    workspace_id, agent_id = tenant()
    ingest(new_document(agent_id, workspace_id, kind, text.encode()))
    return agent_id


def measure(servers: Servers) -> list[Figure]:
    asked = list(questions())
    both = recall(asked)
    with patch.object(searching, "vector_in_time", lambda *_: None):
        words = recall(asked)
    with patch.object(searching.Question, "of", lambda _: searching.Question()):
        vectors = recall(asked)
    name = f"recall@5 of {len(asked)} questions in 5 languages, against"
    return [
        identifiers(),
        compare(f"{name} words alone", both, words, "share", ">= 1"),
        compare(f"{name} vectors alone", both, vectors, "share", ">= 1"),
    ]
