"""Selects the embedder: OpenAI with a key, the local one without."""

from functools import cache

from nightshift.knowledge.embedding import Embedder
from nightshift.settings import settings


@cache
def embedder() -> Embedder:
    """The embedder of this process."""
    if settings().openai_api_key:
        from nightshift.knowledge.openai_embedder import OpenAIEmbedder

        return OpenAIEmbedder()
    from nightshift.knowledge.local_embedder import LocalEmbedder

    return LocalEmbedder()
