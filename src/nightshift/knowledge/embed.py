"""Texts to vectors: OpenAI with a key, wordllama on a machine without one."""

from functools import cache

from nightshift.knowledge.embedding import Embedder
from nightshift.settings import settings


@cache
def embedder() -> Embedder:
    """The process's embedder, by its settings."""
    if settings().openai_api_key:
        from nightshift.knowledge.openai_embedder import OpenAIEmbedder

        return OpenAIEmbedder()
    from nightshift.knowledge.local_embedder import LocalEmbedder

    return LocalEmbedder()
