"""`python -m devstack` runs everything; `python -m devstack clean` ends and removes it, for `make clean`."""

import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from devstack import DevstackError
from devstack.home import hold, make_private, remove
from devstack.run import Run
from nightshift.settings import RUN_LOCK, SERVERS, SettingsError, load

ROOT = Path(__file__).resolve().parents[2]
LEFT_BEHIND_SECONDS = 20.0  # until the API of a killed `make run` is gone
SERVERS_TO_COME = {"DATABASE_URL": "postgresql://to/come", "REDIS_URL": "redis://to.come"}


def start(root: Path, env: Mapping[str, str]) -> None:
    """`make run`. Raises DevstackError or SettingsError in one line, before anything is started where possible."""
    if env.get("APP_ENV") == "production":
        raise DevstackError("APP_ENV is production: `make run` is for development. Use make web, worker, scheduler.")
    data = make_private(root / ".data")
    port = load({**SERVERS_TO_COME, **{name: value for name, value in env.items() if value}}, data).port
    url = f"http://127.0.0.1:{port}"
    with hold(data / RUN_LOCK, "Nightshift is already running in this checkout, at ") as lock:
        print(url, end="", file=lock, flush=True)
        check_port_is_free(port, LEFT_BEHIND_SECONDS if (data / SERVERS).exists() else 0)
        (data / SERVERS).unlink(missing_ok=True)
        Run(root, env, url).run()


def clean(root: Path, env: Mapping[str, str]) -> None:
    """No server of this checkout runs, and nothing of it is left in .data or outside."""
    data = make_private(root / ".data")
    with hold(data / RUN_LOCK, "`make run` is running in this checkout, stop it first: "):
        remove(data.resolve())


def check_port_is_free(port: int, patience_seconds: float) -> None:
    """On every address, since the API may be set to listen on any. Raises DevstackError, naming PORT."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return socket.create_server(("", port)).close()
        except OSError as error:
            if time.monotonic() >= deadline:
                why = os.strerror(error.errno or 0).lower()
                raise DevstackError(f"PORT {port} cannot be used ({why}). Choose another: make run PORT=3002") from None
        time.sleep(0.1)


def main(arguments: list[str]) -> int:
    """The exit status; what went wrong goes to stderr in one line."""
    try:
        (clean if arguments == ["clean"] else start)(ROOT, os.environ)
    except (DevstackError, SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before anything was started
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
