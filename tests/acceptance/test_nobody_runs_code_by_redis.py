"""Whoever can write to Redis can make the workers refuse, and nothing more. And of ended jobs the agreed number stays."""

import json
import pickle
import zlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from client import Client
from stack import Stack, wait_for

from jobs import registry

QUEUE = "email"


def push(stack: Stack, data: bytes, odd: dict[Any, Any] | None = None, **fields: Any) -> str:
    """A job hash as an intruder would write it, rung on a queue."""
    name = f"intruder-{uuid4().hex}-1"
    job = {"data": zlib.compress(data), "origin": QUEUE, "status": "queued", "timeout": 60, "created_at": "2026-01-01T00:00:00Z",
           "description": "intruder", **fields, **(odd or {})}  # fmt: skip
    stack.redis.hset(f"rq:job:{name}", mapping=job)
    stack.redis.rpush(f"rq:queue:{QUEUE}", name)
    return name


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def call(function: Any, *args: Any, **kwargs: Any) -> bytes:
    return json.dumps([function, None, args, kwargs]).encode()


def refused(stack: Stack, name: str) -> bool:
    return bool(stack.lines(event="job", id=name, outcome="refused"))


REGISTERED = sorted(registry.BY_PATH)
FUNCTIONS = ["os.system", "subprocess.call", "builtins.eval", "jobs.recover.reap", "nightshift.errors.LeaseLost"]


@pytest.mark.parametrize("function", [*FUNCTIONS, None, 7, ["os.system"], {"os": "system"}, ""])
def test_a_function_that_is_not_registered_is_refused(function: Any, stack: Stack, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    name = push(stack, call(function, f"touch {witness}"))
    wait_for(lambda: refused(stack, name))
    assert not witness.exists()


def test_a_pickle_is_refused_and_never_opened(stack: Stack, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    bomb = pickle.dumps(Touch(witness))
    names = [push(stack, bomb), push(stack, call(REGISTERED[0], "none_such"), meta=bomb, result=bomb)]
    names += [push(stack, call(REGISTERED[0], "none_such"), retry_intervals=bomb, webhooks=bomb)]
    wait_for(lambda: refused(stack, names[0]))
    for name in names[1:]:
        wait_for(lambda name=name: stack.lines(event="job", id=name, outcome="stale"))
    assert not witness.exists()


@pytest.mark.parametrize("arguments", ["none_such", 5], ids=["taken", "refused"])
def test_callbacks_and_webhooks_of_a_hash_are_ignored(
    arguments: Any, stack: Stack, vendors: Any, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    hook = json.dumps([{"url": f"{vendors.url}/stolen", "statuses": ["finished", "failed"]}])
    callbacks = {f"{kind}_callback_name": "os.system" for kind in ("success", "failure", "stopped")}
    callbacks |= {f"{kind}_callback_timeout": "soon" for kind in ("success", "failure", "stopped")}
    name = push(stack, call(REGISTERED[0], arguments), **callbacks, webhooks=hook)
    wait_for(lambda: stack.lines(event="job", id=name))
    assert not witness.exists()
    assert not vendors.asked("/stolen")


WRONG_ARGUMENTS = [[], ["a", "b"], [5], [None], [["row"]], [{"id": "row"}], ["nul\0"], [True], "row", 5, None]


@pytest.mark.parametrize("function", REGISTERED)
def test_a_registered_function_with_arguments_of_another_kind_is_refused(function: str, stack: Stack) -> None:
    names = [push(stack, json.dumps([function, None, args, {}]).encode()) for args in WRONG_ARGUMENTS]
    names += [push(stack, json.dumps([function, None, ["row"], kwargs]).encode()) for kwargs in ([1], "x", {"os": 1})]
    names += [push(stack, json.dumps([function, "an instance", ["row"], {}]).encode())]
    for name in names:
        wait_for(lambda name=name: refused(stack, name))


NONSENSE = {
    "timeout": ["abc", "-1", "0", "9" * 30, "\0"],
    "retries_left": ["many", "-5", "9" * 30, "1.5"],
    "retry_intervals": ["[-1]", "{}", "x", '["soon"]', "[1e400]"],
    "meta": ["x", "[1]", "[" * 100_000, "\0"],
    "created_at": ["yesterday", "", "9999-99-99T00:00:00Z"],
    "status": ["haunted", "started"],
    "origin": ["billing", "no-such-queue", b"\xff"],
    "description": ["line\nbreak", b"\xff\xfe"],
    "dependency_ids": ["x", "[[]]"],
    "ttl": ["x"], "result_ttl": ["x", "-1"], "failure_ttl": ["x"], "group_id": [b"\xff"], "repeats_left": ["9"],
    "rate_limit_concurrency": ["x"], "enqueue_at_front": ["x"], b"\xff": ["x"],
}  # fmt: skip


def test_nonsense_in_a_hash_kills_no_worker_and_repeats_no_job(api: Client, stack: Stack) -> None:
    before = set(stack.pids_of_workers(QUEUE))
    for data, outcome in (
        (call(REGISTERED[0], "none_such"), {"stale", "refused"}),
        (call("os.system", "x"), {"refused"}),
    ):
        for field, values in NONSENSE.items():
            for value in values:
                name = push(stack, data, {field: value})
                [line] = wait_for(lambda name=name: stack.lines(event="job", id=name))
                assert line["outcome"] in outcome, (field, value)
                wait_for(lambda name=name: stack.redis.hget(f"rq:job:{name}", "status") in (b"finished", b"failed"))
    assert set(stack.pids_of_workers(QUEUE)) == before


def test_data_that_unpack_to_more_than_any_job_has_are_refused(stack: Stack) -> None:
    good = call(REGISTERED[0], "none_such")
    large, bomb = push(stack, good + b" " * (2 << 20)), push(stack, good + b" " * (64 << 20))
    wait_for(lambda: refused(stack, bomb))
    wait_for(lambda: stack.lines(event="job", id=large, outcome="stale"))


def test_workers_live_on_after_all_of_that(api: Client, stack: Stack) -> None:
    before = set(stack.pids_of_workers(QUEUE))
    for junk in (b"", b"\xff", b"[]", b'{"a": 1}', b"[" * 100_000, b'["jobs.ingestion.ingest", null, 5, 7]'):
        push(stack, junk)
    for no_name in (b"\xff", b"", b"a b", b"../../x", b"x" * 70_000, b"a-b-" + b"9" * 5000):
        stack.redis.hset(b"rq:job:" + no_name, mapping={"data": call("os.system", "x")})
        stack.redis.rpush(f"rq:queue:{QUEUE}", no_name)
    stack.redis.set("rq:job:of-another-kind-1", "a string")
    stack.redis.rpush(f"rq:queue:{QUEUE}", "of-another-kind-1")
    wait_for(lambda: stack.redis.llen(f"rq:queue:{QUEUE}") == 0)
    after = push(stack, call("os.system", "x"))
    wait_for(lambda: refused(stack, after))
    api.settled(api.add_text("Still at work."))
    assert set(stack.pids_of_workers(QUEUE)) == before


def test_nonsense_among_delayed_retries_holds_up_no_other(api: Client, stack: Stack, vendors: Any) -> None:
    hostile = push(stack, call("os.system", "x"), timeout="abc")
    stack.redis.lrem(f"rq:queue:{QUEUE}", 1, hostile)
    stack.redis.zadd(f"rq:scheduled:{QUEUE}", {hostile: 1, b"\xff": 1, "no name": 1})
    wait_for(lambda: refused(stack, hostile), 40)
    wait_for(lambda: not stack.redis.zcard(f"rq:scheduled:{QUEUE}"), 40)


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
