"""What an embedder is, and how much it is given at a time."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

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
