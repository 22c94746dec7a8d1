"""Whatever lies in Redis in place of what belongs there, and whatever row nobody can run: nothing else waits for it."""

import requests
from client import Client
from stack import Stack, wait_for

from runner.counts import COUNTS


def metrics(stack: Stack) -> str:
    answer = requests.get(f"{stack.base_url}/metrics", timeout=40)
    assert answer.status_code == 200
    return answer.text


def test_rubbish_in_place_of_every_key_stops_nobody(api: Client, stack: Stack) -> None:
    for key in stack.redis.keys("*"):
        kind = stack.redis.type(key)
        stack.redis.delete(key)
        if kind == b"string":
            stack.redis.rpush(key, b"\xff")
        else:
            stack.redis.set(key, b"\xff rubbish")
    assert api.settled(api.add_text("Still at work."))["status"] == "READY"
    stack.wait_ready()
    wait_for(lambda: stack.redis.type(COUNTS) in (b"hash", b"none"))
    stack.redis.hset(
        COUNTS,
        mapping={b"\xff": "x", "a b": "1", "nightshift_jobs email email.send done": "many", "no such series": "7"},
    )
    try:
        assert "no such" not in metrics(stack)
        wait_for(lambda: 'nightshift_workers{queue="email"} 10.0' in metrics(stack))
    finally:
        stack.redis.delete(COUNTS)


def test_a_row_of_a_job_that_no_release_has_is_failed_after_an_hour_and_no_other_waits(
    api: Client, stack: Stack
) -> None:
    insert = "INSERT INTO outbox (job, row_id, workspace_id, due_at) VALUES ('gone.job', %s, '', now() - %s * interval '1 min')"
    state = "SELECT row_id, state, error FROM outbox WHERE job = 'gone.job' ORDER BY 1"
    stack.sql(insert, "new", 50)  # a newer release may be on its way
    stack.sql(insert, "old", 70)
    try:
        wait_for(lambda: stack.sql(state)[1] == ("old", "failed", "This release has no job of that name."))
        assert stack.sql(state)[0] == ("new", "pending", None)
        api.settled(api.add_text("Still at work."))
    finally:
        stack.sql("DELETE FROM outbox WHERE job = 'gone.job'")
