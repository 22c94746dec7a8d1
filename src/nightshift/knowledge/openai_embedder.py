"""Embeddings by OpenAI's HTTP API, and what its errors mean for us (FACTS of its documentation, judged body first)."""

from collections.abc import Sequence

import numpy as np
import openai

from nightshift.db.models import DIMENSIONS
from nightshift.errors import PermanentError, TemporaryError
from nightshift.knowledge.embedding import Vectors
from nightshift.response import retry_after_seconds
from nightshift.settings import settings

# A 429 that no waiting mends: the account's money is spent.
SPENT = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated"}
TEMPORARY_STATUSES = {408, 409, 425, 429}


class OpenAIEmbedder:
    """At most 2,048 inputs and 300,000 tokens a request; a token is at least a byte, so bytes bound tokens."""

    paid = True
    max_inputs = 2048
    max_bytes = 300_000

    def __init__(self) -> None:
        config = settings()
        self.model = config.embedding_model
        # The job's Retry is the only one: the client's own would send a refused call three times.
        self._client = openai.OpenAI(
            api_key=config.openai_api_key, base_url=config.openai_base_url, max_retries=0, timeout=60
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        try:
            answer = self._client.embeddings.create(model=self.model, input=list(texts))
        except openai.APIStatusError as error:
            raise _meaning(error) from error
        except openai.APIConnectionError as error:
            raise TemporaryError("The embedding service could not be reached.") from error
        except (
            openai.OpenAIError,
            ValueError,
            TypeError,
            AttributeError,
        ) as error:  # what its parser makes of nonsense
            raise TemporaryError("The embedding service gave an answer that could not be read.") from error
        return _checked(answer.data, len(texts))


def _meaning(error: openai.APIStatusError) -> Exception:
    code = str(error.code or error.type or "")
    if code in SPENT:
        return PermanentError("The embedding service's quota is used up. Your operator has to top it up.")
    if error.status_code in (401, 403):
        return PermanentError("The embedding service refused our key. Your operator has to renew it.")
    if error.status_code >= 500:
        sentence = "The embedding service is having trouble."
        return TemporaryError(sentence, retry_after_seconds(error.response.headers))
    if error.status_code in TEMPORARY_STATUSES:
        return TemporaryError("The embedding service is busy.", retry_after_seconds(error.response.headers))
    return PermanentError("The embedding service refused this document.")


def _checked(data: Sequence[openai.types.Embedding], count: int) -> Vectors:
    rows = sorted(data or (), key=lambda item: item.index)
    if [row.index for row in rows] != list(range(count)):
        raise TemporaryError("The embedding service left out a part of its answer.")
    if any(len(row.embedding) != DIMENSIONS for row in rows):
        raise PermanentError(f"The embedding model does not give the {DIMENSIONS} dimensions needed here.")
    vectors = np.asarray([row.embedding for row in rows], dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise TemporaryError("The embedding service gave an answer that could not be read.")
    return vectors
