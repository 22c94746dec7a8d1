"""What the doctor finds on servers that are right, and for each thing that is wrong, what to do."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nightshift import workspaces
from nightshift.channels import accounts
from nightshift.db.session import statement, transaction
from nightshift.settings import settings
from runner.connection import redis
from runner.operations import doctor


@contextmanager
def configured(name: str, value: str) -> Iterator[None]:
    before = redis().config_get(name)[name]
    redis().config_set(name, value)
    try:
        yield
    finally:
        redis().config_set(name, before)


@contextmanager
def at_revision(revision: str) -> Iterator[None]:
    [before] = statement("SELECT version_num FROM alembic_version")
    statement("UPDATE alembic_version SET version_num = %(revision)s", revision=revision)
    try:
        yield
    finally:
        statement("UPDATE alembic_version SET version_num = %(revision)s", revision=before.version_num)


@contextmanager
def of_another_key() -> Iterator[None]:
    with transaction() as session:
        workspace = workspaces.create(session, "Doctor", "x@example.com", 0, 0)[0]
        accounts.put(session, workspace.id, "TELEGRAM", {"botToken": "1:token"})
    statement("UPDATE channels SET credentials = 'rubbish' WHERE workspace_id = %(id)s", id=workspace.id)
    try:
        yield
    finally:
        statement("DELETE FROM channels WHERE workspace_id = %(id)s", id=workspace.id)


@contextmanager
def with_few_rights(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user of Redis who may neither block nor run scripts."""
    name = f"doctor-{uuid4().hex}"
    redis().execute_command(
        "ACL", "SETUSER", name, "on", ">secret", "~rq:*", "+@read", "+@write", "-@blocking", "+info", "+ping"
    )
    arguments = redis().connection_pool.connection_kwargs
    try:
        with Redis(unix_socket_path=arguments["path"], username=name, password="secret") as connection:
            monkeypatch.setattr(doctor, "redis", lambda: connection)
            yield
    finally:
        monkeypatch.setattr(doctor, "redis", redis)
        redis().execute_command("ACL", "DELUSER", name)


@contextmanager
def replaced(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setattr(doctor, name, value)
        yield


def wrong() -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in doctor.examine() if finding.action}


def test_each_thing_that_is_wrong_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not wrong(), "these servers are right"
    assert len(doctor.examine()) > 12
    published = replace(settings(), production=True, public_url="http://support.example.com")
    private = replace(settings(), production=True, public_url="https://10.1.2.3")
    late = SimpleNamespace(time=lambda: time.time() - 90)
    nobody = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    cases: dict[str, tuple[Callable[[], Any], str, str]] = {
        "schema": (lambda: at_revision("0101"), "0101", "make migrate"),
        "CREDENTIAL_KEYS": (of_another_key, "TELEGRAM", "Put the key"),
        "Redis eviction": (lambda: configured("maxmemory-policy", "allkeys-lru"), "allkeys-lru", "noeviction"),
        "Redis persistence": (lambda: configured("appendonly", "no"), "none", "appendonly yes"),
        "Redis memory": (lambda: configured("maxmemory", "100kb"), "MB of", "Raise maxmemory"),
        "rights in Redis": (
            lambda: with_few_rights(monkeypatch),
            "keys nightshift:*, blocking calls, scripts",
            "docs/",
        ),
        "Redis": (lambda: replaced(monkeypatch, "redis", lambda: nobody), "Redis: ", "REDIS_URL"),
        "PUBLIC_URL": (lambda: replaced(monkeypatch, "settings", lambda: published), "http://", "https"),
        "PUBLIC_URL ": (lambda: replaced(monkeypatch, "settings", lambda: private), "10.1.2.3", "vendors reach"),
        "clock": (lambda: replaced(monkeypatch, "time", late), "-90", "NTP"),
    }
    for name, (breaks, found, action) in cases.items():
        with ExitStack() as broken:
            broken.enter_context(breaks())
            there = wrong()
        finding = there[name.strip()]
        assert found in finding.found and action in str(finding.action), finding
    assert not wrong(), "and right again"
