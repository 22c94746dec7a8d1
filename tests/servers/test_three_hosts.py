"""Three hosts whose clocks are a minute apart: one is cut off from both servers for 40 s, one dies whole."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path

import psutil
import pytest
from client import OPERATOR_KEY, Client
from gate import Gate
from mails import announce, mails
from messaging import message, put, say
from network import dropped, own_network
from other_clock import other_clock
from programs import kill
from recorder import Answer
from stack import Stack, wait_for
from town import ROOT, Town
from vendors import Vendors, tag

from runner.registry import QUEUES

pytestmark = pytest.mark.slow
CUT_SECONDS = 40.0  # longer than a lease
CHANNELS = ["TELEGRAM", "LINE", "WEBHOOK"]  # the first one honors no key
HELD = "SELECT job, row_id, runs FROM outbox WHERE state = 'running' AND lease_owner = ANY (%s)"
RUN_SINCE = "SELECT 1 FROM outbox WHERE job = %s AND row_id = %s AND runs > %s"
UNFINISHED = "SELECT job, row_id, state, runs, failures, error FROM outbox WHERE state <> 'done'"


class Host(Stack):
    """A worker.py and, for some, a scheduler.py with a clock and a way to the servers of their own."""

    def __init__(self, town: Town, clock: dict[str, str]) -> None:
        self.gates = Gate(str(town.postgres.socket)), Gate(str(town.redis.socket))
        self.ports = postgres, redis = [gate.port for gate in self.gates]
        database = f"postgresql://nightshift@127.0.0.1:{postgres}/nightshift"
        urls = {"DATABASE_URL": database, "REDIS_URL": f"redis://127.0.0.1:{redis}/0"}
        super().__init__(ROOT, town.stack.env | clock | urls)
        self.redis = town.stack.redis  # for the test's own look

    def workers(self) -> list[str]:
        """The names of its workers that run."""
        pids = {process.pid for process in self.processes_of_workers()}
        keys = [key for key in self.redis.keys("rq:worker:*") if self.redis.type(key) == b"hash"]
        return [key.decode()[10:] for key in keys if int(self.redis.hget(key, "pid") or 0) in pids]

    def kill(self) -> None:
        for process in [psutil.Process(process.pid) for process in self.processes.values()]:
            kill([process, *process.children(recursive=True)])

    def close(self) -> None:
        self.stop()
        for gate in self.gates:
            gate.close()
        for process in self.processes.values():  # libfaketime leaves it there
            Path(f"/dev/shm/faketime_shm_{process.pid}").unlink(missing_ok=True)


class Accepted:
    """What two workspaces were told is accepted: documents, messages and mails, one of each with a number."""

    def __init__(self, town: Town) -> None:
        self.town, self.all = town, list[tuple[Client, str, str]]()
        self.apis = [Client.of_new_workspace(town.stack.base_url, OPERATOR_KEY) for _ in range(2)]
        for api, channel in product(self.apis, CHANNELS):
            put(api, channel, town.vendors)

    def more(self, many: int = 1) -> None:
        """So many of each kind, and a pause."""
        for number in range(len(self.all), len(self.all) + many):
            api, channel = self.apis[number % len(self.apis)], CHANNELS[number % len(CHANNELS)]
            doc_id = api.add_text(f"Text of document {number}.")
            self.town.vendors.script(tag("m", number), Answer(500))  # so that a worker sends it
            self.all.append((api, doc_id, say(api, tag("m", number), channel, f"customer{number}")["id"]))
            assert announce(api, tag("e", number)).status_code == 201
        time.sleep(1)

    def ended_once_in_effect(self) -> None:
        ready = self.town.stack.sql("SELECT data ->> 'docId' FROM events WHERE name = 'knowledge_ready'")
        sent, mailed = self.town.vendors.delivered("m"), self.town.vendors.delivered("e")
        for number, (api, doc_id, message_id) in enumerate(self.all):
            doc, shown = api.doc(doc_id), message(api, message_id)
            assert (doc["status"], doc["chunkCount"], ready.count((doc_id,))) == ("READY", 1, 1), doc
            unknown = [a["outcome"] for a in shown["attempts"] if shown["channelType"] == "TELEGRAM"].count("unknown")
            assert shown["status"] == "SENT" and 1 <= len(sent[number, 1]) <= 1 + unknown, shown
            assert len(mailed[number, 1]) == 1
        assert {mail["status"] for api in self.apis for mail in mails(api, limit=200)} == {"SENT"}


@contextmanager
def three_hosts(town: Town) -> Iterator[list[Host]]:
    """Once all their workers are there."""
    with ExitStack() as running:
        hosts = [Host(town, clock) for clock in (other_clock("-60"), {}, other_clock("+60"))]
        for host in hosts:
            running.callback(host.close)
            host.launch("worker")
        for host in hosts[::2]:
            host.launch("scheduler")
        workers = sum(queue.workers for queue in QUEUES.values())
        wait_for(lambda: all(len(host.workers()) == workers for host in hosts))
        yield hosts


def test_one_is_cut_off_and_one_dies_and_all_that_was_accepted_is_once_in_effect(new_town: Callable[..., Town]) -> None:
    with own_network():
        vendors = Vendors()
        vendors.mood = lambda request: (Answer(delay_seconds=2), True)  # so that a fault meets it
        vendors.start()
        town = new_town(vendors)
        town.start("web")
        town.stack.wait_answering()
        with three_hosts(town) as hosts:
            _in_trouble(town, *hosts)
        town.stop()
        vendors.stop()


def _in_trouble(town: Town, cut: Host, killed: Host, sound: Host) -> None:
    sql, accepted, dead, away = town.stack.sql, Accepted(town), killed.workers(), cut.workers()
    # Given work under way on each of them
    accepted.more(16)
    wait_for(lambda: sql(HELD, away) and sql(HELD, dead))
    # When one is cut off, another dies, and slots come meanwhile
    with dropped(*cut.ports):
        killed.kill()
        left, begun = sql(HELD, dead), time.monotonic()
        sql("UPDATE slots SET at = at - interval '40 days'")
        while time.monotonic() - begun < CUT_SECONDS:
            accepted.more()
    # Then what the dead one held runs again within a minute (the bound is one of a hang)
    wait_for(lambda: all(sql(RUN_SINCE, *row) for row in left), 90 - CUT_SECONDS)
    # and the one that was cut off works again
    done = len(cut.lines(event="job", outcome="done"))
    wait_for(lambda: accepted.more() or len(cut.lines(event="job", outcome="done")) > done)
    wait_for(lambda: not sql(UNFINISHED), explain=lambda: str(sql(UNFINISHED)))
    accepted.ended_once_in_effect()
    # and nobody living was declared dead, but for leases that the cut outlasted
    hosts = (cut, killed, sound)
    assert {line["worker"] for host in hosts for line in host.lines(outcome="died")} <= {*dead, *away}
    assert not [line for host in (cut, sound) for line in host.lines(event="process ended")]
    # and no slot was opened twice, and no month granted twice
    slots = Counter((line["entry"], line["at"]) for host in hosts for line in host.lines(event="slot"))
    assert {entry for entry, _ in slots} == {"daily-rollup", "monthly-credit-grant"} and max(slots.values()) == 1, slots
    assert {api("GET", "/v1/credits").json()["balance"] for api in accepted.apis} == {1000}
