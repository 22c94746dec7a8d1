"""How often a workspace may ask, and what happens to that while Redis is away."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import redis as redis_library

from nightshift import workspaces
from nightshift.db.session import transaction
from nightshift.settings import settings
from web import access, create_app, limiters
from web.error_responses import Problem


@pytest.fixture
def key() -> str:
    with transaction() as session:
        return workspaces.create(session, "Limited", "x@example.com", 0, 0)[2]


def ask(key: str) -> Any:
    return create_app().test_client().get("/v1/agents", headers={"Authorization": f"Bearer {key}"})


def test_a_workspace_that_asks_too_often_is_told_when_to_come_back(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiters, "settings", lambda: replace(settings(), rate_limit_per_minute=2))
    monkeypatch.setattr(
        limiters.clock, "now", lambda: datetime.fromtimestamp(1_000_000_015, UTC)
    )  # the 55th second of a minute
    assert [ask(key).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(key)
    assert refused.headers["Retry-After"] == "5"
    assert refused.mimetype == "application/problem+json"


def test_a_second_key_of_the_workspace_shares_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiters, "settings", lambda: replace(settings(), rate_limit_per_minute=2))
    with transaction() as session:
        workspace, _, first = workspaces.create(session, "Limited", "x@example.com", 0, 0)
        second = workspaces.create_key(session, workspace.id)[1]
    monkeypatch.setattr(limiters.clock, "now", lambda: datetime.fromtimestamp(1_000_000_015, UTC))
    assert [ask(key).status_code for key in (first, second, first, second)] == [200, 200, 429, 429]


def test_while_redis_is_away_nobody_is_limited(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis_library.Redis(unix_socket_path="/nowhere/redis.sock")
    monkeypatch.setattr(access, "_rate", limiters.RateLimiter())
    monkeypatch.setattr(limiters, "redis", lambda: away)
    monkeypatch.setattr(limiters, "settings", lambda: replace(settings(), rate_limit_per_minute=1))
    assert [ask(key).status_code for _ in range(3)] == [200, 200, 200]


def test_two_processes_together_let_pass_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiters, "settings", lambda: replace(settings(), rate_limit_per_minute=250))
    monkeypatch.setattr(limiters.clock, "now", lambda: datetime.fromtimestamp(2_000_000_000, UTC))
    processes, key_id, passed = [limiters.RateLimiter() for _ in range(2)], uuid4().hex, 0
    for number in range(300):
        try:
            processes[number % 2].count(key_id)
            passed += 1
        except Problem as refused:
            assert refused.status == 429
    assert passed == 250


def test_keys_are_compared_in_constant_time(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's by compare_digest; a workspace's is looked up by its digest alone, which no guess can steer."""
    compared, asked = [], []
    monkeypatch.setattr(access.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or False)
    monkeypatch.setattr(workspaces, "statement", lambda sql, **values: asked.append((sql, values)) or [])
    headers = {"Authorization": f"Bearer {key}"}
    assert create_app().test_client().post("/v1/workspaces", json={}, headers=headers).status_code == 401
    assert compared == [(key.encode(), settings().admin_api_key.encode())]
    assert ask(key).status_code == 401
    [(sql, values)] = asked
    assert "digest = " in sql and values == {"digest": hashlib.sha256(key.encode()).digest()}
