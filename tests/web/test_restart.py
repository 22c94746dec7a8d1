"""A restart of the API behind a socket that is held for it, as systemd does, and a SIGHUP, while clients write to it; and a
stop that closes its address while clients connect."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from client import OPERATOR_KEY, Client
from stack import PROGRAMS, wait_for

from nightshift.db.session import statement

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
TAKE = ["bash", "-c", 'held=$1; shift; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&"$held"', "bash"]  # as file 3


class Web:
    """`make web` with a socket that stays while it restarts."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._env, self.log = env, log
        self.held = socket.create_server(("127.0.0.1", 0), backlog=500)
        self.url = f"http://127.0.0.1:{self.held.getsockname()[1]}"

    def start(self) -> None:
        held = self.held.fileno()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*TAKE, str(held), *PROGRAMS["web"]], cwd=ROOT, env=self._env, stdout=log, stderr=log, pass_fds=[held]
            )

    def hang_up(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)

    def processes(self) -> set[int]:
        return {child.pid for child in psutil.Process(self._process.pid).children()}

    def readiness(self) -> int:
        return requests.get(f"{self.url}/readyz/web", timeout=60).status_code


@pytest.fixture
def web(servers: dict[str, str], tmp_path: Path) -> Iterator[Web]:
    web = Web({**os.environ, **servers, "DRAIN_SECONDS": "6", "WEB_CONCURRENCY": "3"}, tmp_path / "web.log")
    web.start()
    yield web
    web.stop()
    web.held.close()


@contextmanager
def load(api: Client, answers: list[Any]) -> Iterator[None]:
    """Four clients that each write on one connection as long as it is kept."""
    stop, numbers = threading.Event(), count()

    def write() -> None:
        session = requests.Session()
        while not stop.wait(0.01):
            body = {"channelType": "SLACK", "customerId": "c", "content": f"number {next(numbers)}"}
            url, headers = f"{api.base_url}/v1/agents/{api.agent_id}/inbound", {"Authorization": f"Bearer {api.key}"}
            try:
                answers.append(session.post(url, json=body, headers=headers, timeout=60).status_code)
            except requests.RequestException as error:
                answers.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_for_more(answers: list[Any]) -> None:
    """So many that they are not those of requests which were under way."""
    many = len(answers) + 8
    wait_for(lambda: len(answers) > many)


def test_no_request_is_lost_or_refused_and_no_signal_brings_back_old_code(web: Web, servers: dict[str, str]) -> None:
    wait_for(lambda: web.readiness() == 200)
    api, answers = Client.of_new_workspace(web.url, OPERATOR_KEY), list[Any]()
    wait_for(lambda: len(web.processes()) == 3)  # WEB_CONCURRENCY
    with load(api, answers):
        # A reload is refused, in one line: the processes stay
        before = web.processes()
        web.hang_up()
        wait_for(lambda: "reload refused" in web.log.read_text())
        assert web.processes() == before
        # A stop says so first, and serves meanwhile
        stopping = threading.Thread(target=web.stop)
        stopping.start()
        wait_for(lambda: web.readiness() == 503)
        wait_for_more(answers)
        stopping.join()
        # Who comes now waits
        web.start()
        wait_for_more(answers)
    assert set(answers) == {201}, [answer for answer in answers if answer != 201][:5]
    written = "SELECT count(*) AS number FROM inbound_messages WHERE workspace_id = %(id)s"
    assert statement(written, id=api.workspace_id)[0].number == len(answers)


def test_a_connection_that_a_response_kept_is_open_for_the_next_request(
    servers: dict[str, str], tmp_path: Path
) -> None:
    web = Web({**os.environ, **servers, "DRAIN_SECONDS": "10", "WEB_CONCURRENCY": "1"}, tmp_path / "web.log")
    web.start()
    stopping = threading.Thread(target=web.stop)
    try:
        wait_for(lambda: web.readiness() == 200)
        api = Client.of_new_workspace(web.url, OPERATOR_KEY)
        body = json.dumps({"type": "text", "title": "Long", "text": "word " * 30_000}).encode()
        connection = http.client.HTTPConnection(*web.held.getsockname(), timeout=60)
        connection.putrequest("POST", f"/v1/agents/{api.agent_id}/knowledge")
        head = {
            "Authorization": f"Bearer {api.key}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        for name, value in head.items():
            connection.putheader(name, value)
        connection.endheaders(body[:1000])
        # Given a request whose thread reads its body when the stop begins
        wait_for(lambda: web.readiness() == 200)
        stopping.start()
        wait_for(lambda: web.readiness() == 503)
        connection.send(body[1000:])
        response = connection.getresponse()
        assert (response.status, response.will_close) == (202, False)
        response.read()
        for _ in range(5):  # the event loop goes round
            assert web.readiness() == 503
        # Then the connection that was kept is, and says that it closes after the next one
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        assert (response.status, response.will_close) == (200, True)
        connection.close()
    finally:
        stopping.join() if stopping.is_alive() else web.stop()
        web.held.close()


def test_a_stop_resets_no_connection(servers: dict[str, str], tmp_path: Path) -> None:
    """A proxy sends a request elsewhere when it is refused. One that was sent, and whose connection is reset, it must not."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    env = {**os.environ, **servers, "DRAIN_SECONDS": "1", "WEB_CONCURRENCY": "2", "BIND": "{}:{}".format(*address)}
    served, wrong = count(), list[Any]()

    def connect_until_refused() -> None:
        while True:
            try:
                connection = socket.create_connection(address, timeout=60)
            except OSError:
                return
            with connection:
                try:
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if connection.recv(100).startswith(b"HTTP/1.1 200"):
                        next(served)
                    else:
                        wrong.append("closed")
                except OSError as error:
                    wrong.append(error)

    for _ in range(3):
        process = subprocess.Popen(PROGRAMS["web"], cwd=ROOT, env=env)
        wait_for(lambda: _answers(f"http://127.0.0.1:{address[1]}/healthz"))
        threads = [threading.Thread(target=connect_until_refused) for _ in range(16)]
        for thread in threads:
            thread.start()
        process.terminate()
        for thread in threads:
            thread.join()
        process.wait(60)
    assert not wrong and next(served) > 100


def _answers(url: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(url, timeout=60).ok
    return False
