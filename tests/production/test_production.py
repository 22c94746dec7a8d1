"""`make test-production`: an installation as the README and docs/production.md describe it, under load.

Their commands run as they stand there.
"""

import itertools
import os
import re
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from client import OPERATOR_KEY, Client
from documented import blocks, section
from installation import Installation, previous_version
from mails import announce, mails
from messaging import put, say
from production_servers import Servers
from programs import free_port, needs
from recorder import Answer
from stack import wait_for
from vendors import Vendors, tag

from devstack.postgres import postgres_programs
from nightshift.settings import VENDOR_BASE_URLS
from runner.registry import QUEUES

pytestmark = pytest.mark.production
POOL, PROCESSES, CLIENTS = 5, 2, 8
UNFINISHED = "SELECT job, row_id, state, error FROM outbox WHERE state <> 'done'"
DUE = (
    "SELECT count(*) FROM outbox WHERE row_id = ANY (ARRAY{}) AND state = 'pending' AND due_at < now() - interval '2 s'"
)


def connections(**machines: int) -> int:
    """How many the README allows to so many machines with each kind of process."""
    rows = re.findall(r"^\| `make (\w+)` \| (.*?) \|", section("README.md", "In production"), re.M)
    workers = sum(queue.workers for queue in QUEUES.values())
    names = {"WEB_CONCURRENCY": PROCESSES, "DB_POOL_SIZE": POOL, "workers": workers}
    sums = {name: eval(formula.replace("`", "").replace("×", "*"), names.copy()) for name, formula in rows}
    assert sums.keys() == machines.keys()
    return sum(number * int(sums[name]) for name, number in machines.items())


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    vendors = Vendors()
    vendors.start()
    yield vendors
    vendors.stop()


@pytest.fixture(scope="module")
def installed(vendors: Vendors) -> Iterator[tuple[Servers, Installation]]:
    """Servers, nginx, and the program, which does not run."""
    needs("redis-server", "nginx", "stunnel", "curl", "git")
    home = Path(tempfile.mkdtemp(prefix="nightshift-test-"))
    servers, ports = Servers(home), (free_port(), free_port())
    installation = Installation(home, ports)
    try:
        servers.start(connections(web=2, worker=2, scheduler=2))  # of two versions
        installation.configure(**_settings(servers, vendors))
        installation.install()
        servers.start_nginx(*ports)
        yield servers, installation
    finally:
        installation.stop()
        servers.stop()
        shutil.rmtree(home, ignore_errors=True)


def _settings(servers: Servers, vendors: Vendors) -> dict[str, str]:
    return {
        **_urls(servers, servers.create_database()), "ADMIN_API_KEY": OPERATOR_KEY, "PUBLIC_URL": servers.base_url,
        "CREDENTIAL_KEYS": "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=", "OPENAI_API_KEY": "sk-test",
        "RESEND_API_KEY": "re_test", "RESEND_FROM": "Support <support@example.com>",
        "OPENAI_BASE_URL": f"{vendors.url}/openai/v1", "RESEND_BASE_URL": f"{vendors.url}/resend",
        "WEB_CONCURRENCY": str(PROCESSES), "DB_POOL_SIZE": str(POOL), "RATE_LIMIT_PER_MINUTE": "1000000",
        **{f"{vendor}_BASE_URL": f"{vendors.url}/{vendor.lower()}" for vendor in VENDOR_BASE_URLS},
    }  # fmt: skip


def _urls(servers: Servers, number: int) -> dict[str, str]:
    return {"DATABASE_URL": servers.database_url(number), "REDIS_URL": servers.redis_url(number)}


@pytest.fixture
def site(installed: tuple[Servers, Installation], monkeypatch: pytest.MonkeyPatch) -> Iterator["Site"]:
    servers, installation = installed
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(servers.authority))
    number = servers.create_database()
    installation.configure(**_urls(servers, number))
    installation.with_settings("make migrate")
    installation.log.write_text("")
    yield Site(servers, installation, number)
    installation.stop()


class Site:
    """The installation with a database and a Redis of this test's own."""

    def __init__(self, servers: Servers, installation: Installation, number: int) -> None:
        self.servers, self.installation, self.number = servers, installation, number

    def sql(self, query: str) -> list[Any]:
        return self.servers.sql(query, f"support{self.number}")

    def finished(self) -> None:
        """All that was accepted is done."""
        wait_for(lambda: not self.sql(UNFINISHED), explain=lambda: str(self.sql(UNFINISHED)))

    def logged_no_error(self) -> None:
        assert not self.installation.lines("ERROR")
        assert "too many connections" not in self.installation.log.read_text()


class Load:
    """Customers who send messages through nginx on connections that they keep. `statuses`: of each number what was answered."""

    def __init__(self, site: Site, api: Client) -> None:
        self._site, self._api, self._numbers = site, api, itertools.count()
        self.statuses: dict[int, Any] = {}
        self.connections = 0  # to Postgres, the most that were seen

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        threads = [threading.Thread(target=self._send, args=(stop,)) for _ in range(CLIENTS)]
        threads.append(threading.Thread(target=self._count, args=(stop,)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _send(self, stop: threading.Event) -> None:
        session, api = requests.Session(), self._api
        session.headers["Authorization"] = f"Bearer {api.key}"
        while not stop.is_set():
            number = next(self._numbers)
            body = {"channelType": "TELEGRAM", "customerId": f"customer{number}", "content": tag("m", number)}
            try:
                url = f"{api.base_url}/v1/agents/{api.agent_id}/messages"
                answer = session.post(url, json=body, timeout=60)
                self.statuses[number] = answer.status_code, "" if answer.status_code == 201 else answer.text[:300]
            except requests.RequestException as error:
                self.statuses[number] = None, str(error)
            stop.wait(0.05)

    def _count(self, stop: threading.Event) -> None:
        while not stop.wait(0.2):
            [(count,)] = self._site.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'support'")
            self.connections = max(self.connections, count)


def test_a_rolling_restart_loses_and_doubles_nothing(site: Site, vendors: Vendors) -> None:
    installation = site.installation
    installation.start()
    api = installation.workspace(site.servers.base_url)
    # A document, a message, a mail, as the README's reader has them first
    put(api, "TELEGRAM", vendors)
    doc_id = api.add_text("The parcel arrives within three working days.")
    assert api.settled(doc_id)["status"] == "READY" and api.search("When does the parcel arrive?")[0]["docId"] == doc_id
    assert say(api, "hello")["status"] == "SENT" and announce(api).status_code == 201
    wait_for(lambda: [mail["status"] for mail in mails(api)] == ["SENT"])
    # When each process is restarted while customers write
    load = Load(site, api)
    with load.running():
        for number in (0, 1):
            _restart_web(installation, number)
        for name in ("worker", "scheduler"):
            installation.stop(name)
            installation.launch(name, f"make {name}")
        installation.wait_ready(0)
    # Then each message was accepted and arrived once
    statuses = Counter(status for status, _ in load.statuses.values())
    assert statuses.keys() == {201}, f"{statuses}\n{site.servers.nginx_errors()}"
    site.finished()
    assert {number: len(sent) for (number, _), sent in vendors.delivered("m").items()} == dict.fromkeys(
        load.statuses, 1
    )
    assert site.sql("SELECT DISTINCT status FROM messages") == [("SENT",)]
    allowed = connections(web=2, worker=1, scheduler=1)
    print(f"{len(load.statuses)} messages, at most {load.connections} connections of {allowed}")
    assert 0 < load.connections <= allowed
    site.logged_no_error()


def _restart_web(installation: Installation, number: int) -> None:
    """As docs/production.md describes it: it says that it is not ready while it still serves."""
    stopping = threading.Thread(target=installation.stop, args=(f"web{number}",))
    stopping.start()
    wait_for(lambda: installation.status(number, "/readyz/web") == 503)
    assert installation.status(number, "/readyz") == 503 and installation.status(number, "/healthz") == 200
    stopping.join()
    installation.launch_web(number)
    installation.wait_ready(number, "/readyz/web")


def test_the_version_before_the_newest_migration_runs_beside_this_one(site: Site, vendors: Vendors) -> None:
    installation = site.installation
    old = previous_version(site.servers.home / "previous")
    if old is None:
        pytest.skip("There is no version before the newest migration.")
    for name in (".venv", "nightshift.env"):
        (old / name).symlink_to(installation.root / name)
    # Given the old version's processes on the schema of the new one, and the new one's beside them
    port = str(installation.ports[1])  # the oldest know no BIND
    elsewhere = {"PYTHONPATH": str(old / "src"), "PORT": port, "BIND": f"127.0.0.1:{port}"}
    for name in ("web", "worker", "scheduler"):
        installation.launch(f"old {name}", f"make {name}", old, **elsewhere)
        installation.launch(f"new {name}", f"make {name}")
    installation.wait_ready(0)
    installation.wait_ready(1)
    # When both accept work, and the workers of both share it
    new = installation.workspace(f"http://127.0.0.1:{installation.ports[0]}")
    older = Client(f"http://127.0.0.1:{installation.ports[1]}", new.key, new.workspace_id, new.agent_id)
    put(older, "TELEGRAM", vendors)
    for number, api in enumerate([new, older] * 15):
        vendors.script(tag("v", number), Answer(500))  # so that a worker sends it
        say(api, tag("v", number), customer=f"customer{number}")
        api.add_text(f"Document {number}")
        assert announce(api).status_code == 201
    # Then all of it is done, once, and the old version reads what the new one wrote
    site.finished()
    assert {number: len(sent) for (number, _), sent in vendors.delivered("v").items()} == dict.fromkeys(range(30), 1)
    for api in (new, older):
        path = f"/v1/agents/{api.agent_id}/messages"
        assert {item["status"] for item in api("GET", path, params={"limit": 200}).json()["items"]} == {"SENT"}
        assert {mail["status"] for mail in mails(api, limit=200)} == {"SENT"} and api.search("Document")
    site.logged_no_error()


def test_a_restored_dump_sends_nothing_until_it_is_let_go_and_then_all_that_it_owed(
    site: Site, vendors: Vendors
) -> None:
    installation = site.installation
    programs = {"PATH": f"{postgres_programs()}:{os.environ['PATH']}"}  # pg_dump of the server's version
    [dump], [restore, hold, let_go] = (blocks("docs/production.md", title) for title in ("Backup", "Restore"))
    # Given work that is owed when the dump is made
    installation.launch_web(0)
    installation.wait_ready(0, "/readyz/web")
    base_url = f"http://127.0.0.1:{installation.ports[0]}"
    api = installation.workspace(base_url)
    put(api, "TELEGRAM", vendors)
    docs, rows = [api.add_text(f"Document {number}") for number in range(5)], list[str]()
    for number in range(5):
        vendors.script(tag("r", number), Answer(500))
        rows.append(say(api, tag("r", number), customer=f"customer{number}")["id"])
        assert announce(api, tag("i", number)).status_code == 201
    rows += [mail["id"] for mail in mails(api)]
    installation.stop()
    installation.with_settings(f"export DATABASE_URL='{site.servers.direct_url(site.number)}'\n{dump}", **programs)
    # When it is restored beside an empty Redis, with what sends on hold
    site.number = site.servers.create_database()
    installation.configure(**_urls(site.servers, site.number))
    installation.with_settings(f"export DATABASE_URL='{site.servers.direct_url(site.number)}'\n{restore}", **programs)
    installation.launch_web(0)
    installation.wait_ready(0, "/readyz/web")
    installation.with_settings(hold)
    installation.launch("worker", "make worker")
    installation.launch("scheduler", "make scheduler")
    # Then documents are ingested, and nothing is sent that has long been due
    assert {api.settled(doc_id)["status"] for doc_id in docs} == {"READY"}
    wait_for(lambda: site.sql(DUE.format(rows)) == [(len(rows),)])
    time.sleep(2)
    assert not vendors.delivered("r") and not vendors.delivered("i")
    # until it is let go
    installation.with_settings(let_go)
    site.finished()
    for kind in "ri":
        assert {number: len(sent) for (number, _), sent in vendors.delivered(kind).items()} == dict.fromkeys(
            range(5), 1
        )
    site.logged_no_error()
