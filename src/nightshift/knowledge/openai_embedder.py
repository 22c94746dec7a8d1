"""Embeddings from OpenAI's HTTP API, and the meaning of its errors."""

import re
from collections.abc import Sequence

import numpy as np
import openai

from nightshift.db.models import DIMENSIONS
from nightshift.errors import PermanentError, TemporaryError
from nightshift.knowledge.embedding import OutOfQuota, ServiceAway, Vectors
from nightshift.response import Codes, Meaning, classify, to_error
from nightshift.settings import settings
from nightshift.vendor_call import VendorCall, vendor_call

NAME = "The embedding service"
UNREADABLE = f"{NAME} sent a response that could not be read."
# Services that speak OpenAI's API have error codes and types of their own; these words in them mean the same everywhere.
SPENT = re.compile("quota(?!.*(?:minute|second))|billing|credit|balance|funds|payment|deactivated")
KEY = re.compile("api_?key|token_(?:invalid|expired)|auth")
KEY_IN_TEXT = re.compile("(?:invalid|incorrect) api.?key|api.?key (?:is )?(?:not valid|invalid|incorrect)", re.I)
MODEL = re.compile("model|deployment")
QUOTA_IS_USED_UP = (OutOfQuota, f"{NAME}'s quota is used up. Your operator must top it up.")
KEY_IS_REFUSED = (PermanentError, f"{NAME} refused our key. Your operator must renew it.")
STATUSES: Codes = {
    401: KEY_IS_REFUSED,
    402: QUOTA_IS_USED_UP,
    403: (PermanentError, f"{NAME} denied access (HTTP 403). Your operator must check what its key allows."),
    404: (
        PermanentError,
        f"{NAME} has nothing at this address (HTTP 404). Your operator must correct OPENAI_BASE_URL.",
    ),
    413: (PermanentError, f"{NAME} found the request too large (HTTP 413). Your operator must choose another model."),
    **{status: (ServiceAway, f"{NAME} is busy (HTTP {status}).") for status in (408, 409, 425, 429)},
    **dict.fromkeys(range(500, 600), (ServiceAway, f"{NAME} is having trouble.")),
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
        with vendor_call("OPENAI") as call:
            return self._embed(texts, call)

    def _embed(self, texts: Sequence[str], call: VendorCall) -> Vectors:
        try:
            response = self._client.embeddings.create(model=self.model, input=list(texts))
            call.status = 200
            return _checked(response.data, len(texts))
        except openai.APIStatusError as error:
            call.status = error.status_code
            raise to_error(_meaning(error, self.model), error.response.headers) from error
        except openai.APIConnectionError as error:
            raise ServiceAway(f"{NAME} could not be reached.") from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:  # from its parser, or ours
            raise TemporaryError(UNREADABLE) from error


def _meaning(error: openai.APIStatusError, model: str) -> Meaning:
    """By code and type, as some services have one status for everything; a passing trouble is what its status says.

    The text is read only where services leave out the code: it may repeat the customer's words.
    """
    names, status, text = f"{error.code} {error.type}".lower(), error.status_code, error.response.text
    if SPENT.search(names):
        return QUOTA_IS_USED_UP
    if status >= 500 or status == 429:
        return STATUSES[status]
    if KEY.search(names) or (status == 400 and KEY_IN_TEXT.search(text)):
        return KEY_IS_REFUSED
    if status in (400, 404) and (error.param == "model" or MODEL.search(text if status == 404 else names)):
        return PermanentError, f"{NAME} does not know the model {model}. Your operator must correct EMBEDDING_MODEL."
    return classify(status, NAME, "the request", STATUSES)


def _checked(data: Sequence[openai.types.Embedding], count: int) -> Vectors:
    """The vectors in the order of the texts. Raises ValueError for a vector that is none."""
    indexes = _indexes(data or ())
    if sorted(indexes) != list(range(count)):
        raise TemporaryError(f"{NAME} left out a part of its response.")
    rows = [row.embedding for _, row in sorted(zip(indexes, data, strict=True), key=lambda pair: pair[0])]
    if any(len(row) != DIMENSIONS for row in rows):
        raise PermanentError(
            f"The embedding model does not have the required {DIMENSIONS} dimensions. Your operator must choose another."
        )
    vectors = np.asarray(rows, dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError("not a number")
    return vectors


def _indexes(data: Sequence[openai.types.Embedding]) -> Sequence[int]:
    """Where each vector belongs. Some services leave out every index, others that of the first: it is 0."""
    given = [row.index for row in data]
    return range(len(given)) if not any(index is not None for index in given) else [index or 0 for index in given]
