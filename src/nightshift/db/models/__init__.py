"""The tables that the ORM reads and writes. What a column means stands here; indexes, keys and constraints, and the tables that
SQL alone uses, stand in the migrations."""

from nightshift.db.models.analytics import DailyAnalytics, DirtyDay, Handoff, RolledDay
from nightshift.db.models.base import Base
from nightshift.db.models.billing import LedgerEntry
from nightshift.db.models.knowledge import DIMENSIONS, HASHES, Chunk, Document, DocumentPart, PaidEmbedding
from nightshift.db.models.mail import Email, Invoice
from nightshift.db.models.messages import ChannelAccount, Delivery, Message, MessageAttempt
from nightshift.db.models.outbox import Outbox, Pause, Retry, Slot
from nightshift.db.models.tenants import Agent, ApiKey, EndedSession, Event, IdempotencyKey, Workspace

__all__ = [
    "DIMENSIONS", "HASHES", "Agent", "ApiKey", "Base", "ChannelAccount", "Chunk", "DailyAnalytics", "Delivery",
    "DirtyDay", "Document", "DocumentPart", "Email", "EndedSession", "Event", "Handoff", "IdempotencyKey", "Invoice",
    "LedgerEntry", "Message", "MessageAttempt", "Outbox", "PaidEmbedding", "Pause", "Retry", "RolledDay", "Slot",
    "Workspace",
]  # fmt: skip
