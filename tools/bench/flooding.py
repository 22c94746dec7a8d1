"""What one workspace notices of another that sends at its rate limit: good requests, and bad ones."""

import itertools
import json
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing import Manager
from typing import Any

from accepting import API, web
from figures import Figure, compare
from harness import Servers

from nightshift import workspaces
from nightshift.channels import accounts
from nightshift.db.session import transaction
from nightshift.outbox import pauses

A_MINUTE = 12_000  # the default of RATE_LIMIT_PER_MINUTE
CLIENTS = 32  # of the one that floods
REQUESTS = 300  # of the other one, in each round
PAUSE_SECONDS = 0.02  # between two of them
ROUNDS = 3

Asked = tuple[str, str, Any]  # method, path, JSON
MESSAGE = {"channelType": "TELEGRAM", "customerId": "customer", "content": "Hello."}


def good(agent_id: str) -> list[Asked]:
    inbound = {name: MESSAGE[name] for name in ("channelType", "customerId", "content")}
    return [
        ("GET", "/v1/agents", None),
        ("POST", f"/v1/agents/{agent_id}/inbound", inbound),
        ("GET", f"/v1/agents/{agent_id}/messages?limit=20", None),
        ("POST", f"/v1/agents/{agent_id}/messages", MESSAGE),
    ]


def bad(agent_id: str) -> list[Asked]:
    return [
        ("POST", f"/v1/agents/{agent_id}/inbound", {}),
        ("GET", "/v1/knowledge/none", None),
        ("POST", f"/v1/agents/{agent_id}/messages", ["not an object"]),
        ("GET", f"/v1/agents/{agent_id}/knowledge/search", None),
    ]


def send(port: int, key: str, asked: list[Asked], requests: int, pause_seconds: float, stop: Any = None) -> list[float]:
    """Seconds of each request of one client; it begins one every `pause_seconds` at most, until `stop` is set."""
    connection = HTTPConnection("127.0.0.1", port)
    headers, times = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}, []
    for method, path, body in itertools.islice(itertools.cycle(asked), requests):
        if stop is not None and stop.is_set():
            break
        start = time.perf_counter()
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        connection.getresponse().read()
        times.append(time.perf_counter() - start)
        time.sleep(max(0.0, pause_seconds - times[-1]))
    return times


def p95_ms(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] * 1000


@contextmanager
def flood(
    pool: ProcessPoolExecutor, manager: Any, port: int, key: str, asked: list[Asked], each: float
) -> Iterator[None]:
    """`each`: seconds from one request of a client to its next."""
    stop = manager.Event()
    clients = [pool.submit(send, port, key, asked, 1_000_000, each, stop) for _ in range(CLIENTS)]
    time.sleep(1)
    try:
        yield
    finally:
        stop.set()
        for one in clients:
            one.result()


def tenant(name: str) -> tuple[str, str]:
    """(agent id, key) of a workspace whose channel is paused: what it costs to accept messages is measured, not to send them."""
    with transaction() as session:
        workspace, agent, key = workspaces.create(session, name, "bench@example.com", 0, 0)
        accounts.put(session, workspace.id, "TELEGRAM", {"botToken": "1:token"})
        pauses.pause(session, [accounts.JOB], "bench", workspace_id=workspace.id, lanes=accounts.lanes_of("TELEGRAM"))
        return agent.id, key


def measure(servers: Servers) -> list[Figure]:
    (greedy, greedy_key), (other, other_key) = tenant("Greedy"), tenant("Other")
    every = 60 / A_MINUTE * CLIENTS
    figures = []
    with Manager() as manager, ProcessPoolExecutor(CLIENTS) as pool, web(servers, API, A_MINUTE) as port:

        def usual() -> float:
            return p95_ms(send(port, other_key, good(other), REQUESTS, PAUSE_SECONDS))

        usual()
        for name, each, goal in (("at its rate limit", every, "<= 2.0"), ("as fast as it can", 0.0, "")):
            pairs = []
            for _ in range(ROUNDS):
                quiet = usual()
                with flood(pool, manager, port, greedy_key, good(greedy) + bad(greedy), each):
                    pairs.append((usual(), quiet))
            flooded, quiet = (statistics.median(column) for column in zip(*pairs, strict=True))
            figures.append(compare(f"p95 of one workspace while another sends {name}", flooded, quiet, "ms", goal))
    return figures
