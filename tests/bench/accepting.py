"""Accepting a document, against a route that only parses and answers; with no documents stored and with 100,000."""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from harness import ROOT, Figure, compare
from jobs.connection import redis
from sqlalchemy import text

from nightshift import workspaces
from nightshift.db.session import transaction

CLIENTS = 16
REQUESTS = 40  # of each client
TEXT = "Returns are free within thirty days of the delivery. " * 20

FILL = text("""
    INSERT INTO documents (id, workspace_id, agent_id, type, kind, title, source_hash, status, chunk_count, stage_done,
                           stage_total, created_at, updated_at)
    SELECT 'doc_fill' || n, :workspace, :agent, 'text', 'text', 'Filled', sha256(n::text::bytea), 'READY', 1, 0, 0, now(), now()
    FROM generate_series(1, 100000) AS n
""")
FILL_WORK = text("""
    INSERT INTO work (job, row_id, workspace_id, state, due_at, generation, runs, failures, deaths, waited_seconds, updated_at)
    SELECT 'ingest', 'doc_fill' || n, :workspace, 'done', now(), 1, 1, 0, 0, 0, now() FROM generate_series(1, 100000) AS n
""")


@contextmanager
def web(environment: dict[str, str]) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    env = {**os.environ, **environment, "PORT": str(port), "RATE_LIMIT_PER_MINUTE": "10000000",
           "PYTHONPATH": str(Path(__file__).parent)}  # fmt: skip
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:web.gunicorn_conf", "bench_app:create()"]
    process = subprocess.Popen(gunicorn, cwd=ROOT, env=env)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def client(port: int, path: str, key: str, seed: int) -> list[float]:
    """Seconds of each request of one client."""
    connection = HTTPConnection("127.0.0.1", port)
    times = []
    for number in range(REQUESTS):
        body = json.dumps({"type": "text", "title": f"{seed} {number}", "text": f"{seed} {number} {TEXT}"})
        start = time.perf_counter()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - start)
        assert answer.status == 202, answer.status
    connection.close()
    return times


def median_ms(pool: ProcessPoolExecutor, port: int, path: str, key: str, seed: int) -> float:
    running = [pool.submit(client, port, path, key, seed + number) for number in range(CLIENTS)]
    return statistics.median(t for one in running for t in one.result()) * 1000


def slowest_ms(pool: ProcessPoolExecutor, port: int, path: str, key: str, seed: int) -> float:
    return max(pool.submit(client, port, path, key, seed).result()) * 1000


def slowest_without_redis_ms(pool: ProcessPoolExecutor, port: int, path: str, key: str) -> float:
    """One client's slowest request while the server is stopped: it takes connections and says nothing."""
    pid = int(redis().info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        return slowest_ms(pool, port, path, key, 80_000)
    finally:
        os.kill(pid, signal.SIGCONT)


def measure(environment: dict[str, str]) -> list[Figure]:
    with transaction() as session:
        workspace, agent, key = workspaces.create(session, "Bench", "bench@example.com", 0, 0)
    path = f"/v1/agents/{agent.id}/knowledge"
    with ProcessPoolExecutor(CLIENTS) as pool, web(environment) as port:
        median_ms(pool, port, "/bench/parse", key, 0)
        empty = [median_ms(pool, port, path, key, 10_000 * n) for n in range(1, 4)]
        parse = [median_ms(pool, port, "/bench/parse", key, 0) for _ in range(3)]
        with transaction() as session:
            for statement in (FILL, FILL_WORK):
                session.execute(statement, {"workspace": workspace.id, "agent": agent.id})
        full = [median_ms(pool, port, path, key, 10_000 * n) for n in range(4, 7)]
        usual, away = slowest_ms(pool, port, path, key, 70_000), slowest_without_redis_ms(pool, port, path, key)
    ours, bare, later = map(statistics.median, (empty, parse, full))
    return [
        compare("accepting a document, 16 clients, against parse and answer", ours, bare, "ms", "<= 3"),
        compare("accepting with 100,000 documents stored, against none", later, ours, "ms", "<= 1.2"),
        compare(
            "accepting while Redis does not answer, slowest, against a second more", away, usual + 1000, "ms", "<= 1.0"
        ),
    ]
