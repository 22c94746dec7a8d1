"""Texts to vectors: OpenAI with a key, wordllama on a machine without one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nightshift.settings import settings

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """`model` is kept with every vector: vectors of two models are never compared."""

    model: str
    paid: bool  # each call costs money: what it gave is kept until the document is READY
    max_inputs: int
    max_bytes: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text, float32, at most 1536 columns (missing ones are zero).

        Raises PermanentError or TemporaryError with a sentence for the customer.
        """
        ...


class Local:
    """wordllama: 256 dimensions, weights in its wheel, 1,000 to 1,400 chunks a second; padding leaves cosines unchanged."""

    model = "wordllama-l2-supercat-256"
    paid = False
    max_inputs = 512
    max_bytes = 4_000_000

    def __init__(self) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads hang a forked child
        import wordllama

        weights = Path(wordllama.__file__).parent
        self._model: Any = wordllama.WordLlama.load(cache_dir=weights, disable_download=True)

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.asarray(self._model.embed(list(texts), norm=True), dtype=np.float32)


@cache
def embedder() -> Embedder:
    """The process's embedder, by its settings."""
    if settings().openai_api_key:
        from nightshift.knowledge.openai_embedder import OpenAIEmbedder

        return OpenAIEmbedder()
    return Local()


def batches(texts: Sequence[str], max_inputs: int, max_bytes: int) -> Iterator[list[str]]:
    """Runs of texts of at most `max_inputs` texts and `max_bytes` UTF-8 bytes, in order (a longer text stands alone)."""
    batch: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode())
        if batch and (len(batch) >= max_inputs or size + length > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch
