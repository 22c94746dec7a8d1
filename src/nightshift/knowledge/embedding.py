"""The interface of an embedder, and batches for it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nightshift.errors import PermanentError, TemporaryError

Vectors = npt.NDArray[np.float32]


class ServiceAway(TemporaryError):
    """The embedding service cannot be reached, or cannot answer now. A search does without it."""


class OutOfQuota(PermanentError):
    """The embedding service's account is empty. A search does without it."""


class Embedder(Protocol):
    """`model` is stored with each vector: vectors of different models are never compared."""

    model: str
    paid: bool  # each call costs money: its vectors are stored until the document is READY
    max_inputs: int
    max_bytes: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One float32 row for each text, at most 1536 columns (missing ones are zero).

        Raises PermanentError or TemporaryError with a sentence for the customer.
        """
        ...


def batches(texts: Iterable[str], max_inputs: int, max_bytes: int) -> Iterator[list[str]]:
    """Batches in order, of at most `max_inputs` texts and `max_bytes` UTF-8 bytes (a longer text is a batch alone)."""
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
