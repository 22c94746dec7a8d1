"""Embeddings on the machine itself, for development without a key."""

import json
import mmap
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nightshift.knowledge.embedding import Vectors

TEXTS_PER_BATCH = 64


class LocalEmbedder:
    """wordllama's model without its code: 256 dimensions, the mean of the text's token vectors, scaled to length 1.

    The weights are read from the wheel and stay half floats in a mapped file, which all processes share: 22 MB instead
    of 74, and 2,500 chunks a second instead of 1,600. The vectors equal wordllama's to 1e-6.
    """

    model = "wordllama-l2-supercat-256"
    paid = False
    max_inputs = 128  # few: the file is read meanwhile
    max_bytes = 4_000_000

    def __init__(self) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads hang a forked child
        from tokenizers import Tokenizer

        package = find_spec("wordllama")  # not imported: its code needs packages that the model does not
        assert package and package.origin
        home = Path(package.origin).parent
        self._weights = map_tensor(home / "weights/l2_supercat_256.safetensors", "embedding.weight")
        self._tokenizer = Tokenizer.from_file(str(home / "tokenizers/l2_supercat_tokenizer_config.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self._weights.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_PER_BATCH):
            batch = list(texts[start : start + TEXTS_PER_BATCH])
            for row, tokens in enumerate(self._tokenizer.encode_batch_fast(batch, add_special_tokens=False), start):
                vectors[row] = self._vector(tokens.ids)
        return vectors

    def _vector(self, token_ids: list[int]) -> Vectors:
        """NaN for a text without tokens, as in wordllama: it has no direction."""
        ids, counts = np.unique(np.asarray(token_ids, dtype=np.int64), return_counts=True)
        total: Vectors = counts.astype(np.float32) @ self._weights[ids].astype(np.float32)
        with np.errstate(invalid="ignore"):
            return total / np.linalg.norm(total)


def map_tensor(path: Path, name: str) -> npt.NDArray[np.float16]:
    """Map one half-float tensor of a safetensors file: 8 bytes of header length, a JSON header, then the values."""
    with path.open("rb") as file:
        header_length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(header_length))[name]
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    assert entry["dtype"] == "F16"
    begin, end = (8 + header_length + offset for offset in entry["data_offsets"])
    return np.frombuffer(data, np.float16, (end - begin) // 2, begin).reshape(entry["shape"])
