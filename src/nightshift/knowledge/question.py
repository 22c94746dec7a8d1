"""A question as search needs it: its words in each language, and its vector if that comes in time."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import TypeVar

from nightshift.knowledge.embedding import Embedder, OutOfQuota, ServiceAway, Vectors
from nightshift.knowledge.words import Words, hash_of, is_code, literal

T = TypeVar("T")
MAX_WORDS = 96  # its codes first: a longer question is a pasted letter
WORDS_PER_SUM = 12  # a float holds whole numbers of 24 bits, and a count needs two
EMBED_SECONDS = 2.0


@dataclass(frozen=True)
class Question:
    """`words` are not stemmed; search knows them by their numbers."""

    words: Sequence[str]

    @classmethod
    def of(cls, text: str) -> "Question":
        found = dict.fromkeys(Words("simple")(text))
        return cls(sorted(found, key=is_code, reverse=True)[:MAX_WORDS])

    def codes(self) -> list[int]:
        return [number for number, word in enumerate(self.words) if is_code(word)]

    def vectors(self, language: str) -> list[str]:
        """Sparse vectors, as SQL, whose inner products with a passage of this language tell its counts: see `search`."""
        stem = Words(language).stem
        values: list[dict[int, int]] = [defaultdict(int) for _ in range(0, len(self.words) or 1, WORDS_PER_SUM)]
        for number, word in enumerate(self.words):
            part, digit = divmod(number, WORDS_PER_SUM)
            values[part][hash_of(stem(word))] += 4**digit
        return [literal(part) for part in values]


def vector_in_time(model: Embedder, text: str) -> Vectors | None:
    """The question's vector, None where the embedding service is away, has no quota left or takes too long.

    Raises the embedder's other errors.
    """
    try:
        return _within(EMBED_SECONDS, lambda: model.embed([text])[0])
    except (ServiceAway, OutOfQuota, TimeoutError):
        return None


def _within(seconds: float, call: Callable[[], T]) -> T:
    """The result of `call`. Raises TimeoutError after `seconds`, and leaves it to end by itself."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result(seconds)
