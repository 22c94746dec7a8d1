"""Whoever can write to Redis can make the workers refuse, and nothing more. And of ended jobs the agreed number stays."""

import json
import pickle
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from client import Client
from recorder import Answer, Recorder
from stack import Stack, wait_for

from runner.registry import JOBS, QUEUES

QUEUE = "email"
ROLLUP, GRANT = "analytics_rollup.daily_rollup", "billing.monthly_credit_grant"
OURS, FOREIGN = "email-send-mail_{}-1", "intruder-{}-1"  # an id as a row's job has it, and one that no job has
OUTCOMES = {OURS: "stale", FOREIGN: "refused"}


def push(
    stack: Stack,
    data: bytes,
    odd: dict[Any, Any] | None = None,
    *,
    id_: str = FOREIGN,
    queue: str = QUEUE,
    **fields: Any,
) -> str:
    """A job as an intruder would write it, put into a queue. Returns its id."""
    name = id_.format(uuid4().hex)
    job = {"data": zlib.compress(data), "origin": queue, "status": "queued", "timeout": 60, "created_at": "2026-01-01T00:00:00Z",
           "description": "intruder", **fields, **(odd or {})}  # fmt: skip
    stack.redis.hset(f"rq:job:{name}", mapping=job)
    stack.redis.rpush(f"rq:queue:{queue}", name)
    return name


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def call(function: Any, *args: Any, **kwargs: Any) -> bytes:
    return json.dumps([function, None, args, kwargs]).encode()


def ended(stack: Stack, name: str, id_: str = FOREIGN) -> None:
    """It ends as its id says, whatever is in its hash: a refused job is kept as failed, of a stale one nothing is left."""
    [line] = wait_for(lambda: stack.lines(event="job", id=name))
    assert line["outcome"] == OUTCOMES[id_]
    kept = b"failed" if id_ == FOREIGN else None
    wait_for(lambda: stack.redis.hget(f"rq:job:{name}", "status") == kept)


@pytest.fixture(params=[OURS, FOREIGN], ids=["ours", "foreign"])
def id_(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def outbox_is_untouched(stack: Stack) -> Iterator[None]:
    """No row comes from Redis. What was refused is left to no other test: RQ's tools cannot show all of it."""
    yield
    assert stack.sql("SELECT row_id FROM outbox WHERE row_id IN ('row', 'none_such')") == []
    for queue in QUEUES:
        names = stack.redis.zrange(f"rq:failed:{queue}", 0, -1)
        stack.redis.delete(f"rq:failed:{queue}", *(b"rq:job:" + name for name in names))


REGISTERED = sorted(job.path for job in JOBS.values())
FUNCTIONS = ["os.system", "subprocess.call", "builtins.eval", "runner.rescue.rescue", "nightshift.errors.LeaseLost"]


@pytest.mark.parametrize("function", [*FUNCTIONS, None, 7, ["os.system"], {"os": "system"}, ""])
def test_a_function_that_is_not_registered_does_not_run(function: Any, id_: str, stack: Stack, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    ended(stack, push(stack, call(function, f"touch {witness}"), id_=id_), id_)
    assert not witness.exists()


def test_a_pickle_is_never_opened(id_: str, stack: Stack, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    bomb = pickle.dumps(Touch(witness))
    names = [push(stack, bomb, id_=id_), push(stack, call(REGISTERED[0], "none_such"), id_=id_, meta=bomb, result=bomb)]
    names += [push(stack, call(REGISTERED[0], "none_such"), id_=id_, retry_intervals=bomb, webhooks=bomb)]
    for name in names:
        ended(stack, name, id_)
    assert not witness.exists()


@pytest.mark.parametrize("arguments", ["none_such", 5])
def test_callbacks_and_webhooks_of_a_hash_are_ignored(
    arguments: Any, id_: str, stack: Stack, vendors: Recorder, tmp_path: Path
) -> None:
    hook = json.dumps([{"url": f"{vendors.url}/stolen", "statuses": ["finished", "failed"]}])
    callbacks = {f"{kind}_callback_name": "os.system" for kind in ("success", "failure", "stopped")}
    callbacks |= {f"{kind}_callback_timeout": "soon" for kind in ("success", "failure", "stopped")}
    data = call(REGISTERED[0], arguments)
    ended(stack, push(stack, data, id_=id_, **callbacks, webhooks=hook), id_)
    assert not vendors.asked("/stolen")


WRONG_ARGUMENTS = [[], ["a", "b"], [5], [None], [["row"]], [{"id": "row"}], ["nul\0"], [True], "row", 5, None]


@pytest.mark.parametrize("function", REGISTERED)
def test_a_registered_function_does_not_run_for_what_no_row_asks_for(function: str, id_: str, stack: Stack) -> None:
    data = [json.dumps([function, None, args, {}]).encode() for args in [["row"], *WRONG_ARGUMENTS]]
    data += [json.dumps([function, None, ["row"], kwargs]).encode() for kwargs in ([1], "x", {"os": 1})]
    data += [json.dumps([function, "an instance", ["row"], {}]).encode()]
    for name in [push(stack, each, id_=id_) for each in data]:
        ended(stack, name, id_)


@pytest.mark.parametrize("job", JOBS)
def test_a_job_in_another_jobs_queue_is_refused(job: str, stack: Stack) -> None:
    id_ = f"{job.replace('.', '-')}-" + "row_{}-1"
    for queue in {other.queue.name for other in JOBS.values()} - {JOBS[job].queue.name}:
        name = push(stack, call(JOBS[job].path, "row"), id_=id_, queue=queue)
        assert [line["outcome"] for line in wait_for(lambda n=name: stack.lines(event="job", id=n))] == ["refused"]


def test_a_grant_that_no_row_asks_for_gives_nobody_credits(api: Client, stack: Stack) -> None:
    month = "2033-07"
    granted = "SELECT count(*) FROM ledger WHERE kind = 'grant' AND key = %s"
    before, balance = stack.sql(granted, month), api("GET", "/v1/credits").json()["balance"]
    stack.sql(
        "INSERT INTO outbox (job, row_id, workspace_id, state, generation) VALUES (%s, '2033-11', '', 'done', 4)", GRANT
    )
    ids = [
        "monthly_credit_grant-{}-1",
        "{}",
        f"billing-monthly_credit_grant-{month}-1",
        "billing-monthly_credit_grant-{}-1",
    ]
    ids += ["billing-monthly_credit_grant-2033-11-4", "billing-monthly_credit_grant-2033-11-5", month]
    try:
        for queue in ("billing", QUEUE):
            for id_ in ids:
                name = push(stack, call(JOBS[GRANT].path, month), id_=id_, queue=queue)
                lines = wait_for(lambda n=name, q=queue: stack.lines(event="job", id=n, queue=q))
                assert {line["outcome"] for line in lines} <= {"refused", "stale"}
    finally:
        stack.sql("DELETE FROM outbox WHERE job = %s AND row_id = '2033-11'", GRANT)
    assert stack.sql(granted, month) == before and stack.sql(granted, "2033-11") == [(0,)]
    assert api("GET", "/v1/credits").json()["balance"] == balance


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


def test_nonsense_in_a_hash_kills_no_worker_and_repeats_no_job(api: Client, id_: str, stack: Stack) -> None:
    before = stack.processes_of_workers()
    for data in (call(REGISTERED[0], "none_such"), call("os.system", "x")):
        for field, values in NONSENSE.items():
            for value in values:
                ended(stack, push(stack, data, {field: value}, id_=id_), id_)
    assert stack.processes_of_workers() >= before, "a killed one of before may have a successor by now"


def test_data_that_unpack_to_more_than_any_job_has_are_never_unpacked(id_: str, stack: Stack) -> None:
    before = stack.processes_of_workers()
    for mebibytes in (2, 64):
        ended(stack, push(stack, call(REGISTERED[0], "none_such") + b" " * (mebibytes << 20), id_=id_), id_)
    assert stack.processes_of_workers() >= before, "a killed one of before may have a successor by now"


NO_NAMES = [b"\xff", b"", b"a b", b"../../x", b"x" * 70_000, b"a-b-" + b"9" * 5000]
NO_NAMES += [
    b"email-send-" + rest
    for rest in (b"\xff-1", b"\0-1", b"a\0b-1", b"x" * 70_000 + b"-1", b"a b-1", b"-1", b"x-", b"x-0x1", b"x--1",
                 b"x-" + b"9" * 30, "x-\u0663".encode(), "\U0001f642-1".encode(), b"x;--'\"-1", b"x\n-1")
]  # fmt: skip


def test_workers_live_on_after_all_of_that(api: Client, stack: Stack) -> None:
    before = stack.processes_of_workers()
    for junk in (b"", b"\xff", b"[]", b'{"a": 1}', b"[" * 100_000, b'["jobs.ingestion.ingest", null, 5, 7]'):
        push(stack, junk)
    for no_name in NO_NAMES:
        stack.redis.hset(b"rq:job:" + no_name, mapping={"data": call("os.system", "x")})
        stack.redis.rpush(f"rq:queue:{QUEUE}", no_name)
    for name in ("of-another-kind-1", "email-send-of_another_kind-1"):
        stack.redis.set(f"rq:job:{name}", "a string")
        stack.redis.rpush(f"rq:queue:{QUEUE}", name)
    wait_for(lambda: stack.redis.llen(f"rq:queue:{QUEUE}") == 0)
    ended(stack, push(stack, call("os.system", "x")))
    api.settled(api.add_text("Still at work."))
    assert stack.processes_of_workers() >= before, "a killed one of before may have a successor by now"


def test_what_lies_in_rqs_set_of_delayed_jobs_never_runs_and_holds_up_no_retry(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    hostile = push(stack, call("os.system", "x"), timeout="abc", queue="nobodys")
    stack.redis.zadd("rq:scheduled:ingestion", {hostile: 1, b"\xff": 1, "no name": 1})
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500))
    assert api.settled(api.add_text(f"On {word}."))["status"] == "READY"
    assert len(vendors.asked("/embeddings", word)) == 2
    assert not stack.lines(event="job", id=hostile)
    stack.redis.delete("rq:scheduled:ingestion", f"rq:job:{hostile}", "rq:queue:nobodys")


def test_a_row_that_cannot_be_dispatched_is_failed_and_says_why_and_the_others_go_on_at_once(
    api: Client, stack: Stack
) -> None:
    days = ["24.11.2026", "a b", "../x", "é", "x" * 101, "2020-02-02"]
    state = "SELECT state, error FROM outbox WHERE job = %s AND row_id = %s"
    for place, day in enumerate(days):
        insert = (
            "INSERT INTO outbox (job, row_id, workspace_id, due_at) VALUES (%s, %s, '', now() - %s * interval '1 s')"
        )
        stack.sql(insert, ROLLUP, day, len(days) - place)
    try:
        wait_for(lambda: stack.sql(state, ROLLUP, days[-1]) == [("done", None)])
        for day in days[:-1]:
            [(_, error)] = wait_for(
                lambda day=day: [row for row in stack.sql(state, ROLLUP, day) if row[0] == "failed"]
            )
            assert "cannot be dispatched" in error
        api.settled(api.add_text("Still at work."))
    finally:
        stack.sql("DELETE FROM outbox WHERE job = %s AND row_id = ANY(%s)", ROLLUP, days)


def test_of_ended_jobs_exactly_the_agreed_number_stays(stack: Stack) -> None:
    queue, keep_finished, keep_failed = "analytics-rollup", 7, 30
    days = [f"2020-03-{number + 1:02}" for number in range(31)]
    insert = "INSERT INTO outbox (job, row_id, workspace_id) SELECT %s, unnest(%s), ''"
    stack.sql(insert, ROLLUP, days)
    for number in range(45):
        push(stack, call("os.getpid"), id_="refused-{}-" + str(number), queue=queue)
        push(
            stack,
            call(JOBS[ROLLUP].path, "2020-04-01"),
            id_=f"analytics_rollup-daily_rollup-2020-04-01-{number}",
            queue=queue,
        )
    open_ = "SELECT 1 FROM outbox WHERE job = %s AND state NOT IN ('done', 'failed')"
    wait_for(lambda: not stack.sql(open_, ROLLUP))
    wait_for(lambda: stack.redis.llen(f"rq:queue:{queue}") == 0 and not stack.redis.zcard(f"rq:wip:{queue}"))
    stack.sql("DELETE FROM outbox WHERE job = %s AND row_id = ANY(%s)", ROLLUP, days)
    finished, failed = (
        [e.decode() for e in stack.redis.zrange(f"rq:{kind}:{queue}", 0, -1)] for kind in ("finished", "failed")
    )
    assert (len(finished), len(failed)) == (keep_finished, keep_failed)
    kept = [
        key.decode() for like in ("*-daily_rollup-2020-*", "refused-*") for key in stack.redis.keys(f"rq:job:{like}")
    ]
    assert sorted(kept) == sorted(f"rq:job:{name}" for name in finished + failed), "of the others nothing is left"
    assert {name.rpartition("-")[0].rpartition("daily_rollup-")[2] for name in finished} == set(days[-keep_finished:])
    assert {int(name.rpartition("-")[2]) for name in failed} == set(range(15, 45))
