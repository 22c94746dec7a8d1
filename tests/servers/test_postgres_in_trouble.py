"""Postgres is there and of no use: read-only, silent, full, out of connections. It counts as away, and nobody dies of it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import requests
from messaging import put, say, settled
from network import dropped, own_network
from programs import cannot_run, needs
from recorder import Answer, Recorder
from stack import wait_for
from town import Town

pytestmark = pytest.mark.slow
LONG = 18.0  # leases of the living expire in a real outage of half a minute; here their end is moved
MAX_SECONDS = 60.0  # of a request: it has 15 s, a connection 5, on a machine that has little time for it
EXPIRED = "UPDATE outbox SET lease_until = now() - interval '1 minute' WHERE state = 'running'"


def test_what_a_vendor_answered_is_written_once_it_is_back_and_nobody_is_declared_dead(town: Town) -> None:
    town.start()
    put(town.api, "TELEGRAM", town.vendors)
    for trouble in (read_only, silent, out_of_connections):
        _in_trouble(town, trouble)


def test_a_full_disk_counts_as_away(new_town: Callable[..., Town]) -> None:
    needs("mount", root=True)
    town = new_town()
    data = town.postgres.directory
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=0711", "none", data]).returncode:
        cannot_run("needs to mount a file system")
    try:
        owner = town.postgres.account
        os.chown(data, owner["user"], owner["group"])
        town.start()
        put(town.api, "TELEGRAM", town.vendors)
        _in_trouble(town, full)
    finally:
        town.stop()
        subprocess.run(["umount", "-l", data], check=False)


def test_dropped_packets_are_noticed(new_town: Callable[..., Town]) -> None:
    with own_network():
        vendors = Recorder()
        vendors.start()
        town = new_town(vendors)
        town.start()
        put(town.api, "TELEGRAM", vendors)
        _in_trouble(town, silently_dropped)
        with dropped(town.gate.port):  # a stop is over in 15 s meanwhile
            town.stack.processes["scheduler"].terminate()
            town.stack.processes["scheduler"].wait(30)
        town.stop()
        vendors.stop()


def _in_trouble(town: Town, trouble: Any) -> None:
    """A worker and a request wait for their vendor's answer when it begins."""
    name, api, vendors = trouble.__name__, town.api, town.vendors
    kept, direct = f"word{uuid4().hex}", f"word{uuid4().hex}"
    vendors.script(kept, Answer(500), Answer(delay_seconds=3))
    vendors.script(direct, Answer(delay_seconds=3))
    kept_id = say(api, kept, customer=kept)["id"]
    town.stack.hurry(kept_id)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(say, api, direct, customer=direct)
        wait_for(lambda: len(vendors.asked("/telegram", kept)) == 2 and vendors.asked("/telegram", direct))
        with _operator(town) as run, trouble(town) as seconds:
            begun = time.monotonic()
            wait_for(lambda: _refused(town), explain=lambda: name)
            shown = requests.get(f"{town.stack.base_url}/readyz", timeout=MAX_SECONDS)
            assert (shown.status_code, shown.json()["postgres"]) == (503, False), name
            assert requests.get(f"{town.stack.base_url}/healthz", timeout=MAX_SECONDS).status_code == 200
            direct_id = answer.result(MAX_SECONDS)["id"]
            time.sleep(max(0.0, seconds - (time.monotonic() - begun)))
            with suppress(psycopg2.Error):  # a full one may refuse this too
                run(EXPIRED if seconds else "SELECT")
    for message_id, word, outcomes in ((kept_id, kept, ["failed", "sent"]), (direct_id, direct, ["sent"])):
        sent = settled(api, message_id)
        assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", outcomes), name
        assert len(vendors.asked("/telegram", word)) == len(outcomes), name
    town.stack.wait_ready()
    assert not town.stack.lines(outcome="died") and not town.stack.lines(event="process ended"), name
    assert town.stack.sql("SELECT sum(deaths) FROM outbox") == [(0,)], name


def _refused(town: Town) -> bool:
    """Whether what writes is answered 503 and told when to come again, in bounded time. Nothing else but 201 may be."""
    body = {"customerId": "1", "channelType": "LINE", "reason": "x"}
    path = f"/v1/agents/{town.api.agent_id}/handoffs"
    begun = time.monotonic()
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda _: town.api("POST", path, json=body), range(12)))
    assert time.monotonic() - begun < MAX_SECONDS
    assert {answer.status_code for answer in answers} <= {201, 503}, [answer.text for answer in answers]
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 503)
    return all(answer.status_code == 503 for answer in answers)


@contextmanager
def read_only(town: Town) -> Iterator[float]:
    """As after a failover, by an address that still leads to the old primary."""
    with _operator(town) as run:
        run("ALTER SYSTEM SET default_transaction_read_only = on")
        run("SELECT pg_reload_conf()")
        try:
            yield 8.0
        finally:
            run("ALTER SYSTEM RESET default_transaction_read_only")
            run("SELECT pg_reload_conf()")


@contextmanager
def silent(town: Town) -> Iterator[float]:
    """It acknowledges every packet and says nothing."""
    town.gate.hush()
    try:
        yield LONG
    finally:
        town.gate.open()


@contextmanager
def silently_dropped(town: Town) -> Iterator[float]:
    """As by a firewall that has forgotten its connections."""
    with dropped(town.gate.port):
        yield LONG


@contextmanager
def out_of_connections(town: Town) -> Iterator[float]:
    """Everyone needs a new one, and there is none."""
    with ExitStack() as held, _operator(town) as run:
        run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightshift'")
        with suppress(psycopg2.OperationalError):
            while True:
                held.enter_context(closing(psycopg2.connect(town.postgres.url)))
        run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightshift'")
        with suppress(psycopg2.OperationalError):
            while True:
                held.enter_context(closing(psycopg2.connect(town.postgres.url)))
        yield 0.0


@contextmanager
def full(town: Town) -> Iterator[float]:
    ballast = town.postgres.directory / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
    try:
        yield 8.0
    finally:
        ballast.unlink()


@contextmanager
def _operator(town: Town) -> Iterator[Callable[[str], Any]]:
    with closing(psycopg2.connect(town.postgres.url)) as connection:
        connection.autocommit = True
        connection.cursor().execute("SET default_transaction_read_only = off")
        yield connection.cursor().execute
