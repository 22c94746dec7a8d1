"""The local embedder gives the vectors of wordllama's own code without running it."""

import subprocess
import sys

import numpy as np
import pytest

from nightshift.knowledge.local_embedder import TEXTS_PER_BATCH, LocalEmbedder

# By wordllama 0.4.0 with norm=True: components 0, 85, 170 and 255, and the dot product with cos(0), cos(1), ... cos(255).
RECORDED = {
    "How do I reset my password?": (0.2285068, 0.069017, 0.0981322, 0.0093251, 0.722597),
    "Die Rückgabe ist innerhalb von 14 Tagen möglich.": (0.027863, -0.0199925, -0.0633928, 0.0531087, -0.169491),
    "退款政策是什么": (0.0427519, 0.0421696, -0.0261446, -0.0507922, -0.001194),
    "   ": (-0.00642, -0.0166329, 0.0312582, 0.0139645, -1.17995),
    "🦄": (0.1216727, -0.0717815, 0.0588885, -0.0434296, 0.341222),
    "Refunds take five days. " * 40: (0.1311987, -0.0301383, -0.0244015, 0.1051968, 0.201839),
}


@pytest.fixture(scope="module")
def embedder() -> LocalEmbedder:
    return LocalEmbedder()


def test_the_vectors_are_those_of_wordllama(embedder: LocalEmbedder) -> None:
    vectors = embedder.embed(list(RECORDED))
    recorded = np.array(list(RECORDED.values()))

    assert vectors.dtype == np.float32
    assert np.abs(vectors[:, [0, 85, 170, 255]] - recorded[:, :4]).max() < 1e-6
    assert np.abs(vectors @ np.cos(np.arange(256)) - recorded[:, 4]).max() < 1e-5
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_a_text_has_the_same_vector_at_every_place_of_a_batch(embedder: LocalEmbedder) -> None:
    texts = [f"passage {number} " * (number % 7 + 1) for number in range(2 * TEXTS_PER_BATCH + 1)]

    together = embedder.embed(texts)

    assert np.array_equal(together, np.concatenate([embedder.embed([text]) for text in texts]))
    assert embedder.embed([]).shape == (0, 256)


def test_an_empty_text_has_no_direction(embedder: LocalEmbedder) -> None:
    assert np.isnan(embedder.embed(["", "words"])).all(axis=1).tolist() == [True, False]


def test_no_code_of_wordllama_is_loaded_and_no_page_of_its_weights_is_a_process_s_own() -> None:
    script = (
        "import sys; from nightshift.knowledge.local_embedder import LocalEmbedder; model = LocalEmbedder();"
        "model.embed(['How do I reset my password?']); assert not {'wordllama', 'safetensors'} & set(sys.modules);"
        "print(open('/proc/self/smaps').read() if sys.platform == 'linux' else '')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    if sys.platform == "linux":
        [weights] = [part for part in done.stdout.split("\nVmFlags") if "l2_supercat_256.safetensors" in part]
        assert "Private_Dirty:         0 kB" in weights and "Anonymous:             0 kB" in weights
