"""Messages sent while someone else holds a transaction open, against before: `make bench ONLY=holding SECONDS=60`.

A report, or a psql that was forgotten: as long as it is open, Postgres removes no row version that was replaced since.
"""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection

import ours
import psycopg2
from accepting import API, web
from figures import Figure, compare
from harness import Servers
from sending import QUEUE, vendor

from nightshift import workspaces
from nightshift.channels import accounts
from nightshift.db.session import transaction

HELD_SECONDS = float(os.environ.get("SECONDS") or 600)
WINDOW_SECONDS = min(20.0, HELD_SECONDS / 3)
CLIENTS, CUSTOMERS = 12, 50  # of each client; where one process gets more than 8 of them, a worker sends some


class Load:
    """Clients that send one message after the other, each to customers of its own."""

    def __init__(self, port: int, agent_id: str, key: str) -> None:
        self._port, self._path = port, f"/v1/agents/{agent_id}/messages"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._sent = [0] * CLIENTS
        self._over = False

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._client, number) for number in range(CLIENTS)]
            try:
                yield
            finally:
                self._over = True
        for client in clients:
            client.result()

    def rate(self) -> float:
        """Messages a second, in the next seconds."""
        before, begun = sum(self._sent), time.perf_counter()
        time.sleep(WINDOW_SECONDS)
        return (sum(self._sent) - before) / (time.perf_counter() - begun)

    def _client(self, number: int) -> None:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=60)) as connection:
            while not self._over:
                customer = f"{number}-{self._sent[number] % CUSTOMERS}"
                body = {"channelType": "TELEGRAM", "customerId": customer, "content": "Your parcel is on its way."}
                try:
                    connection.request("POST", self._path, json.dumps(body), self._headers)
                    answer = connection.getresponse()
                    told = answer.read()
                except ConnectionError:  # it was idle for too long, on a busy machine
                    connection.close()
                    continue
                assert answer.status == 201, told
                self._sent[number] += 1


@contextmanager
def held_transaction(servers: Servers) -> Iterator[None]:
    """One that has read and written."""
    with closing(psycopg2.connect(servers.environment["DATABASE_URL"])) as connection:
        connection.set_session(isolation_level="REPEATABLE READ")
        connection.cursor().execute("SELECT count(*), pg_current_xact_id() FROM workspaces")
        yield


def measure(servers: Servers) -> list[Figure]:
    with vendor(), ours.workers(servers, [QUEUE]), web(servers, API, quiet=True) as port:
        with transaction() as session:
            workspace, agent, key = workspaces.create(session, "Bench", "bench@example.com", 0, 0)
            accounts.put(session, workspace.id, "TELEGRAM", {"botToken": "1:x"})
        load = Load(port, agent.id, key)
        with load.running():
            time.sleep(WINDOW_SECONDS / 4)
            before = load.rate()
            with held_transaction(servers):
                time.sleep(HELD_SECONDS - WINDOW_SECONDS)
                held = load.rate()
            after = load.rate()
    name = f"messages sent while a transaction is held for {HELD_SECONDS:.0f} s, at its end, against before"
    return [compare(name, held, before, "messages/s", ">= 0.8", f"after its end {after:.1f} messages/s")]
