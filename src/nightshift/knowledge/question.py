"""A question as search needs it: its words in each language, and its vector if that comes in time."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from threading import Thread
from typing import Self, TypeVar

import regex

from nightshift.knowledge.embedding import Embedder, OutOfQuota, ServiceAway, Vectors
from nightshift.words import Words, hash_of, literal

T = TypeVar("T")
MAX_WORDS = 96  # those that are meant exactly first: a longer question is a pasted letter
WORDS_PER_SUM = 12  # a float holds whole numbers of 24 bits, and a count needs two
EMBED_SECONDS = 2.0

# A capital inside a sentence, or after the first letter of a word.
_NAME = regex.compile(r"(?:(?<!^\W*|[.!?…]\W*)\b\p{Lu}|\b\p{L}+\p{Lu})[\p{L}\p{M}'’-]*")
_CODE = regex.compile(r"(?=.*\d).{3,}")


@dataclass(frozen=True)
class Question:
    """Its words, not stemmed: `codes` (or numbers) and `names` are meant exactly. Search knows them by their place in `words`."""

    codes: Sequence[str] = ()
    names: Sequence[str] = ()
    others: Sequence[str] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        find = Words("simple")
        found = list(dict.fromkeys(find(text)))
        capital = set() if text.isupper() else {word for name in _NAME.findall(text) for word in find(name)}
        codes = [word for word in found if _CODE.match(word)]
        names = [word for word in found if word in capital and word not in codes]
        return cls(codes, names, [word for word in found if word not in capital and word not in codes])

    @property
    def words(self) -> list[str]:
        return [*self.codes, *self.names, *self.others][:MAX_WORDS]

    def exact(self, languages: Collection[str]) -> range:
        """The numbers of the words that are meant exactly. In German a capital says no more than that it is a noun."""
        return range(len(self.codes) + (0 if "german" in languages else len(self.names)))

    def vectors(self, language: str, stop_words: Collection[str]) -> list[str]:
        """Sparse vectors, as SQL, whose inner products with a passage of this language tell its counts: see `search`."""
        stem = Words(language).stem
        values: list[dict[int, int]] = [defaultdict(int) for _ in range(0, len(self.words) or 1, WORDS_PER_SUM)]
        for number, word in enumerate(self.words):
            part, digit = divmod(number, WORDS_PER_SUM)
            if word not in stop_words or word not in self.others:
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

    Thread(target=copy_context().run, args=(run,), daemon=True).start()
    return future.result(seconds)
