"""The tables. What a column means stands here; how it came to be stands in the migrations."""

from nightshift.db.models.analytics import DailyAnalytics, Handoff, InboundMessage, LateRow, RolledDay
from nightshift.db.models.base import Base
from nightshift.db.models.billing import Balance, LedgerEntry
from nightshift.db.models.knowledge import DIMENSIONS, Chunk, Document, DocumentPart, PaidEmbedding
from nightshift.db.models.mail import Email, Invoice
from nightshift.db.models.messages import ChannelAccount, Message, MessageAttempt
from nightshift.db.models.tenants import Agent, ApiKey, Event, IdempotencyKey, Workspace
from nightshift.db.models.work import Slot, Work

__all__ = [
    "DIMENSIONS", "Agent", "ApiKey", "Balance", "Base", "ChannelAccount", "Chunk", "DailyAnalytics", "Document",
    "DocumentPart", "Email", "Event", "Handoff", "IdempotencyKey", "InboundMessage", "Invoice", "LateRow", "LedgerEntry",
    "Message", "MessageAttempt", "PaidEmbedding", "RolledDay", "Slot", "Work", "Workspace",
]  # fmt: skip
