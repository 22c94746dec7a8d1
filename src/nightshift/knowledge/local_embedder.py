"""Embeddings on the machine itself, for development without a key."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nightshift.knowledge.embedding import Vectors


class LocalEmbedder:
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
