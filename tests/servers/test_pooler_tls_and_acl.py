"""Postgres through PgBouncer in transaction mode, Redis as a user with least rights, both by TLS with a CA of one's own."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from authority import certify
from messaging import put, say, settled
from programs import free_port, needs
from recorder import Answer
from stack import wait_for
from town import ROOT, Town

pytestmark = pytest.mark.slow
PGBOUNCER = """
[databases]
nightshift = host={host} port=5432 user=nightshift
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
client_tls_sslmode = require
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
"""


def test_everything_works(town: Town) -> None:
    needs("pgbouncer", "redis-server")
    town.home.chmod(0o755)
    files = town.home / "tls"
    files.mkdir()
    authority, certificate, key = certify(files)
    with _pgbouncer(town, certificate, key) as port, _redis(town, authority, certificate, key) as (redis_port, admin):
        town.start(
            DATABASE_URL=f"postgresql://nightshift@127.0.0.1:{port}/nightshift?sslmode=verify-full&sslrootcert={authority}",
            REDIS_URL=f"rediss://nightshift:secret@127.0.0.1:{redis_port}/0?ssl_ca_certs={authority}",
        )
        _use(town)
        warnings = town.stack.lines(level="WARNING", logger="nightshift")
        assert [line for line in warnings if "imeout" not in line.get("error", "")] == []  # a busy machine may be slow
        assert not town.stack.lines(level="ERROR")
        assert admin.acl_log() == []


def _use(town: Town) -> None:
    """A document, its search, a message that is retried, a mail, and the event of each."""
    api = town.api
    url, headers = f"{town.stack.base_url}/v1/events", {"Authorization": f"Bearer {api.key}"}
    with requests.get(url, headers=headers, stream=True, timeout=60) as stream:
        put(api, "TELEGRAM", town.vendors)
        word = f"word{time.monotonic_ns()}"
        town.vendors.script(word, Answer(500))
        kept = say(api, word)
        town.stack.hurry(kept["id"])
        assert settled(api, kept["id"])["status"] == "SENT"
        doc_id = api.add_text(f"The {word} stands in the hall.")
        assert api.settled(doc_id)["status"] == "READY"
        assert api.search(word)[0]["docId"] == doc_id
        told = b""
        for chunk in stream.iter_content(None):
            told += chunk
            if kept["id"].encode() in told and b"event: knowledge_ready" in told:
                break
    body = {"customerId": "1", "channelType": "LINE", "reason": "x"}
    assert api("POST", f"/v1/agents/{api.agent_id}/handoffs", json=body).status_code == 201
    wait_for(lambda: [mail["status"] for mail in api("GET", "/v1/emails").json()["items"]] == ["SENT"])
    town.stack.wait_ready()


@contextmanager
def _pgbouncer(town: Town, certificate: Path, key: Path) -> Iterator[int]:
    """With its defaults, but for what the test is about."""
    port, config = free_port(), town.home / "pgbouncer.ini"
    names = dict(host=town.postgres.socket.parent, port=port, certificate=certificate, key=key)
    config.write_text(PGBOUNCER.format(**names))
    with (town.home / "pgbouncer.log").open("wb") as log:
        server = subprocess.Popen(["pgbouncer", config], stdout=log, stderr=log, **town.postgres.account)
    try:
        yield port
    finally:
        server.kill()
        server.wait()


@contextmanager
def _redis(town: Town, authority: Path, certificate: Path, key: Path) -> Iterator[tuple[int, Any]]:
    """Its user has the rights that docs/operations.md lists."""
    [rights] = re.findall(r"`ACL SETUSER nightshift on >PASSWORD (.*)`", (ROOT / "docs/operations.md").read_text())
    port, users = free_port(), town.home / "users.acl"
    users.write_text(f"user default on >admin ~* &* +@all\nuser nightshift on >secret {rights}\n")
    command = ["redis-server", "--port", "0", "--tls-port", str(port), "--save", "", "--tls-auth-clients", "no"]
    command += ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority]
    with (town.home / "redis-tls.log").open("wb") as log:
        server = subprocess.Popen([*command, "--aclfile", users, "--dir", town.home], stdout=log, stderr=log)
    try:
        url = f"rediss://:admin@127.0.0.1:{port}/0"
        admin = redis.Redis.from_url(url, ssl_ca_certs=str(authority))
        wait_for(lambda: _answers(admin), explain=lambda: (town.home / "redis-tls.log").read_text())
        yield port, admin
    finally:
        server.kill()
        server.wait()


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
