"""Workspaces, their keys and agents, and what happens in them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from nightshift import clock
from nightshift.db.models.base import Base, OfWorkspace, child_of


class Workspace(Base):
    """A customer company: the tenant of everything below."""

    __tablename__ = "workspaces"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    notify_email: Mapped[str]
    bounced_address: Mapped[str | None]  # mail to it bounced: nothing is sent there until `notify_email` is changed
    monthly_grant: Mapped[int] = mapped_column(BigInteger)
    low_threshold: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ApiKey(OfWorkspace, Base):
    """A workspace key: only its SHA-256 is kept (the key itself is 256 random bits)."""

    __tablename__ = "api_keys"
    digest: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class EndedSession(Base):
    """A session of the console that was signed out before its time: copies of its cookie open nothing."""

    __tablename__ = "ended_sessions"
    id: Mapped[str] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(default=clock.now)


class Agent(OfWorkspace, Base):
    """One support agent of a workspace; knowledge belongs to it."""

    __tablename__ = "agents"
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Event(Base):
    """What happened in a workspace, numbered by a trigger, without gaps: the stream of GET /v1/events."""

    __tablename__ = "events"
    workspace_id: Mapped[str] = mapped_column(child_of("workspaces.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, FetchedValue(), primary_key=True)
    name: Mapped[str]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class IdempotencyKey(Base):
    """The first answer to a request that named this key, to be given again."""

    __tablename__ = "idempotency_keys"
    scope: Mapped[str] = mapped_column(primary_key=True)  # a workspace's id, or 'operator'
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]  # SHA-256 of method, path and body
    answer: Mapped[bytes | None]  # status, body, Location, sealed: some answers hold a new key
    row_id: Mapped[str | None]  # of what the request made, where its answer names one
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
