"""Accepting a document, against a route that only parses and answers; with no documents stored and with 100,000."""

import json
import os
import signal
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection

import filling
import ours
from figures import Figure, compare
from harness import HERE, Servers, program, wait_until

from nightshift import workspaces
from nightshift.db.session import transaction

CLIENTS = 16
REQUESTS = 40  # of each client
ROUNDS = 3
TEXT = "Returns are free within thirty days of the delivery. " * 20
STORED = 100_000
API = ["--config=python:web.gunicorn_conf", "web:create_app()"]
# As gunicorn was set at 7e25719.
PARSE_ONLY = ["--workers=2", "--worker-class=gthread", "--threads=64", "--keep-alive=5", "parse_only_app:create()"]


class Clients:
    """Sixteen processes; each request of each adds a document with another text."""

    def __init__(self, pool: ProcessPoolExecutor, port: int, path: str, key: str) -> None:
        self._pool, self._port, self._path, self._key = pool, port, path, key
        self._seed = 0

    def seconds(self, clients: int) -> list[float]:
        seeds = range(self._seed, self._seed + clients)
        self._seed += clients
        running = [self._pool.submit(client, self._port, self._path, self._key, seed) for seed in seeds]
        return [seconds for one in running for seconds in one.result()]

    def median_ms(self) -> float:
        return statistics.median(self.seconds(CLIENTS)) * 1000

    def slowest_ms(self) -> float:
        """Of one client alone."""
        return max(self.seconds(1)) * 1000


def client(port: int, path: str, key: str, seed: int) -> list[float]:
    """Seconds of each request of one client."""
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    times = []
    for number in range(REQUESTS):
        body = json.dumps({"type": "text", "title": f"{seed} {number}", "text": f"{seed} {number} {TEXT}"})
        start = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - start)
        assert answer.status == 202, answer.status
    connection.close()
    return times


@contextmanager
def web(servers: Servers, arguments: list[str], a_minute: int = 10_000_000, quiet: bool = False) -> Iterator[int]:
    """gunicorn with these arguments: its port. `a_minute`: how many requests a workspace may send. `quiet`: what it logs is
    dropped."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    env = {"PORT": str(port), "RATE_LIMIT_PER_MINUTE": str(a_minute), "PYTHONPATH": str(HERE)}
    options = [f"--bind=127.0.0.1:{port}", "--log-level=warning", "--no-control-socket"]
    with program([sys.executable, "-m", "gunicorn", *options, *arguments], {**servers.environment, **env}, quiet):
        wait_until(lambda: _answers(port))
        time.sleep(1)
        yield port


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def redis_stopped(servers: Servers) -> Iterator[None]:
    """It takes connections and says nothing."""
    os.kill(servers.redis_pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(servers.redis_pid, signal.SIGCONT)


def measure(servers: Servers) -> list[Figure]:
    with transaction() as session:
        workspace, agent, key = workspaces.create(session, "Bench", "bench@example.com", 0, 0)
    with ProcessPoolExecutor(CLIENTS) as pool, web(servers, API) as port, web(servers, PARSE_ONLY) as bare_port:
        documents = Clients(pool, port, f"/v1/agents/{agent.id}/knowledge", key)
        parse_only = Clients(pool, bare_port, "/bench/parse", key)
        documents.median_ms(), parse_only.median_ms()
        empty, bare = zip(*((documents.median_ms(), parse_only.median_ms()) for _ in range(ROUNDS)), strict=True)
        values = dict(
            workspace=workspace.id, agent=agent.id, job=ours.DOCUMENT_JOB, lane=None, state="done", status="READY"
        )
        filling.fill(filling.DOCUMENTS, filling.OUTBOX, prefix="doc_stored", count=STORED, **values)
        full = [documents.median_ms() for _ in range(ROUNDS)]
        usual = documents.slowest_ms()
        with redis_stopped(servers):
            away = documents.slowest_ms()
    mine, yardstick, later = map(statistics.median, (empty, bare, full))
    crowded = "accepting with 100,000 documents stored, against none"
    silent = "accepting while Redis does not answer, slowest, against a second more"
    return [
        compare("accepting a document, 16 clients, against parse and answer", mine, yardstick, "ms", "<= 2.5"),
        compare(crowded, later, mine, "ms", "<= 1.2"),
        compare(silent, away, usual + 1000, "ms", "<= 1.0"),
    ]
