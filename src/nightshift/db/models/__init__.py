"""The tables. What a column means stands here; how it came to be stands in the migrations."""

from nightshift.db.models.base import Base
from nightshift.db.models.knowledge import DIMENSIONS, Chunk, Document, DocumentPart, PaidEmbedding
from nightshift.db.models.mail import Email, Invoice
from nightshift.db.models.messages import ChannelAccount, Message, MessageAttempt
from nightshift.db.models.tenants import Agent, ApiKey, Event, IdempotencyKey, Workspace
from nightshift.db.models.work import Work

__all__ = [
    "DIMENSIONS", "Agent", "ApiKey", "Base", "ChannelAccount", "Chunk", "Document", "DocumentPart", "Email", "Event",
    "IdempotencyKey", "Invoice", "Message", "MessageAttempt", "PaidEmbedding", "Work", "Workspace",
]  # fmt: skip
