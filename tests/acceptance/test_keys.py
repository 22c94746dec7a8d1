"""A workspace's keys: hashed at rest, changed without a gap, gone at once."""

import hashlib
from typing import Any

import requests
from client import OPERATOR_KEY, Client
from stack import Stack, wait_for


def everything_stored(stack: Stack) -> str:
    """Every row of every table as text (bytes as hex), and every value in Redis."""
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'chunks'"
    rows = [str(stack.sql(f"SELECT t::text FROM {table} t")) for [table] in stack.sql(tables)]
    for name in stack.redis.scan_iter():
        kind = stack.redis.type(name).decode()
        read = {"string": "get", "hash": "hgetall", "set": "smembers"}.get(kind)
        rows.append(f"{name!r} {getattr(stack.redis, read)(name) if read else ''}")
    return "\n".join(rows)


def test_a_key_is_stored_as_its_hash_and_nowhere_else(api: Client, stack: Stack) -> None:
    once = {"Idempotency-Key": "the-same-answer-again"}
    second = api("POST", "/v1/keys", headers=once).json()["apiKey"]
    assert api("POST", "/v1/keys", headers=once).json()["apiKey"] == second, "the answer is remembered, sealed"
    stored = everything_stored(stack)
    for key in (api.key, second, OPERATOR_KEY):
        assert key not in stored and key.encode().hex() not in stored
    for key in (api.key, second):
        assert hashlib.sha256(key.encode()).hexdigest() in stored


def test_old_and_new_key_work_beside_each_other_and_one_goes_without_the_other(api: Client) -> None:
    new = api("POST", "/v1/keys").json()
    listed = {key["id"] for key in api("GET", "/v1/keys").json()["items"]}
    [old] = listed - {new["id"]}
    for key in (api.key, new["apiKey"]) * 3:
        assert api("POST", "/v1/agents", key=key, json={"name": "Both"}).status_code == 201
    assert api("DELETE", f"/v1/keys/{old}", key=new["apiKey"]).status_code == 204
    assert api("GET", "/v1/agents").status_code == 401, "at once"
    assert api("GET", "/v1/agents", key=new["apiKey"]).status_code == 200
    assert len(api("GET", "/v1/agents", key=new["apiKey"]).json()["items"]) == 7


def test_the_stream_of_a_deleted_key_ends_and_the_other_ones_goes_on(api: Client) -> None:
    new = api("POST", "/v1/keys").json()
    streams = {key: _listen(api, key) for key in (api.key, new["apiKey"])}
    assert api("DELETE", f"/v1/keys/{new['id']}").status_code == 204
    after = api.add_text("Of what comes now it hears nothing.")
    assert after not in "".join(streams[new["apiKey"]].iter_content(None, decode_unicode=True)), "it has ended"
    heard = streams[api.key].iter_lines(decode_unicode=True)
    wait_for(lambda: after in next(heard))
    streams[api.key].close()


def _listen(api: Client, key: str) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    stream = requests.get(
        f"{api.base_url}/v1/events", headers=headers, stream=True, timeout=10
    )  # a comment comes every 15 s
    assert stream.status_code == 200
    return stream
