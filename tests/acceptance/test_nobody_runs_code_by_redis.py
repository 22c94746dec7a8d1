"""Whoever can write to Redis can make the workers refuse, and nothing more. And of ended jobs the agreed number stays."""

from __future__ import annotations

import json
import pickle
import zlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from client import Client
from stack import Stack, wait_for

QUEUE = "email"


def push(stack: Stack, data: bytes, **fields: Any) -> str:
    """A job hash as an intruder would write it, rung on a queue."""
    name = f"intruder-{uuid4().hex}-1"
    job = {"data": zlib.compress(data), "origin": QUEUE, "status": "queued", "timeout": 60, "created_at": "2026-01-01T00:00:00Z",
           "description": "intruder", **fields}  # fmt: skip
    stack.redis.hset(f"rq:job:{name}", mapping=job)
    stack.redis.rpush(f"rq:queue:{QUEUE}", name)
    return name


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


@pytest.mark.parametrize(
    "function", ["os.system", "subprocess.call", "builtins.eval", "jobs.recover.reap", "nightshift.errors.LeaseLost"]
)
def test_a_function_that_is_not_registered_is_refused(function: str, stack: Stack, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    name = push(stack, json.dumps([function, None, [f"touch {witness}"], {}]).encode())
    wait_for(lambda: stack.lines(event="job", id=name, outcome="refused"))
    assert not witness.exists()


def test_a_pickle_is_never_opened(stack: Stack, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    name = push(stack, pickle.dumps(Touch(witness)))
    wait_for(lambda: stack.lines(event="job", id=name))
    assert not witness.exists()


def test_callbacks_and_webhooks_of_a_hash_are_ignored(api: Client, stack: Stack, vendors: Any, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    hook = json.dumps([{"url": f"{vendors.url}/stolen", "statuses": ["finished", "failed"]}])
    callbacks = {f"{kind}_callback_name": "os.system" for kind in ("success", "failure", "stopped")}
    data = json.dumps(["jobs.ingestion.ingest", None, [f"touch {witness}"], {}]).encode()
    name = push(stack, data, **callbacks, webhooks=hook)
    wait_for(lambda: stack.lines(event="job", id=name, outcome="stale"))
    assert not witness.exists()
    assert not vendors.asked("/stolen")


def test_workers_live_on_after_all_of_that(api: Client, stack: Stack) -> None:
    before = set(stack.pids_of_workers(QUEUE))
    for junk in (b"", b"\xff", b"[]", b'{"a": 1}', b'["jobs.ingestion.ingest", null, 5, 7]'):
        push(stack, junk)
    wait_for(lambda: stack.redis.llen(f"rq:queue:{QUEUE}") == 0)
    api.settled(api.add_text("Still at work."))
    assert set(stack.pids_of_workers(QUEUE)) == before


def test_of_ended_jobs_exactly_the_agreed_number_stays(stack: Stack) -> None:
    queue, keep_finished, keep_failed = "analytics-rollup", 7, 30
    stale = json.dumps(["jobs.ingestion.ingest", None, ["doc_none"], {}]).encode()
    refused = json.dumps(["os.getpid", None, [], {}]).encode()
    for number in range(45):
        for kind, data in (("stale", stale), ("refused", refused)):
            name = f"{kind}-{uuid4().hex}-{number}"
            fields = {"data": zlib.compress(data), "origin": queue, "status": "queued", "timeout": 60, "description": "x",
                      "result_ttl": 10**8, "failure_ttl": 10**8, "created_at": "2026-01-01T00:00:00Z"}  # fmt: skip
            stack.redis.hset(f"rq:job:{name}", mapping=fields)
            stack.redis.rpush(f"rq:queue:{queue}", name)
    wait_for(lambda: stack.redis.llen(f"rq:queue:{queue}") == 0 and not stack.redis.zcard(f"rq:wip:{queue}"))
    wait_for(lambda: stack.redis.zcard(f"rq:finished:{queue}") == keep_finished)
    wait_for(lambda: stack.redis.zcard(f"rq:failed:{queue}") == keep_failed)
    kept = [e.decode() for kind in ("finished", "failed") for e in stack.redis.zrange(f"rq:{kind}:{queue}", 0, -1)]
    mine = [k.decode() for k in stack.redis.keys("rq:job:stale-*")] + [
        k.decode() for k in stack.redis.keys("rq:job:refused-*")
    ]
    assert sorted(mine) == sorted(f"rq:job:{name}" for name in kept), "of the others nothing is left"
    newest = [name for name in kept if name.startswith("stale")]
    assert {int(name.rpartition("-")[2]) for name in newest} == set(range(38, 45))
