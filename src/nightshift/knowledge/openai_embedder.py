"""Embeddings from OpenAI's HTTP API, and the meaning of its errors."""

from collections.abc import Sequence

import numpy as np
import openai

from nightshift.db.models import DIMENSIONS
from nightshift.errors import PermanentError, TemporaryError
from nightshift.knowledge.embedding import Vectors
from nightshift.response import Codes, classify, to_error
from nightshift.settings import settings

NAME = "The embedding service"
UNREADABLE = f"{NAME} sent a response that could not be read."
SPENT = (PermanentError, f"{NAME}'s quota is used up. Your operator must top it up.")
KEY = (PermanentError, f"{NAME} refused our key. Your operator must renew it.")
CODES: Codes = dict.fromkeys(  # a 429 that waiting does not solve: the account's money is spent
    ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated"), SPENT
)
STATUSES: Codes = {
    **dict.fromkeys((401, 403), KEY),
    409: (TemporaryError, f"{NAME} is busy (HTTP 409)."),
    **dict.fromkeys(range(500, 600), (TemporaryError, f"{NAME} is having trouble.")),
}


class OpenAIEmbedder:
    """A request has at most 2,048 inputs and 300,000 tokens; a token is at least one byte, so `max_bytes` bounds tokens."""

    paid = True
    max_inputs = 2048
    max_bytes = 300_000

    def __init__(self) -> None:
        config = settings()
        self.model = config.embedding_model
        # Without the client's own retries, which would send a failed request three times: the job retries.
        self._client = openai.OpenAI(
            api_key=config.openai_api_key, base_url=config.openai_base_url, max_retries=0, timeout=60
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        try:
            response = self._client.embeddings.create(model=self.model, input=list(texts))
        except openai.APIStatusError as error:
            raise _error_of(error) from error
        except openai.APIConnectionError as error:
            raise TemporaryError(f"{NAME} could not be reached.") from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:  # from its parser
            raise TemporaryError(UNREADABLE) from error
        return _checked(response.data, len(texts))


def _error_of(error: openai.APIStatusError) -> Exception:
    meaning = CODES.get(str(error.code)) or CODES.get(str(error.type))
    return to_error(meaning or classify(error.status_code, NAME, "this document", STATUSES), error.response.headers)


def _checked(data: Sequence[openai.types.Embedding], count: int) -> Vectors:
    rows = sorted(data or (), key=lambda item: item.index)
    if [row.index for row in rows] != list(range(count)):
        raise TemporaryError(f"{NAME} left out a part of its response.")
    if any(len(row.embedding) != DIMENSIONS for row in rows):
        raise PermanentError(f"The embedding model does not have the required {DIMENSIONS} dimensions.")
    vectors = np.asarray([row.embedding for row in rows], dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise TemporaryError(UNREADABLE)
    return vectors
