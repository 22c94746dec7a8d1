"""`python -m devstack` is `make run`; `python -m devstack clean` stops and removes its servers, for `make clean`."""

import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C before anything runs ends the process without a traceback

from devstack import DevstackError
from devstack.home import hold, make_private, remove
from devstack.run import Run
from nightshift.settings import RUN_LOCK, SERVERS, SettingsError, load

ROOT = Path(__file__).resolve().parents[2]
PORT_WAIT_SECONDS = 20.0  # for the API that a killed `make run` left behind
PLACEHOLDERS = {"DATABASE_URL": "postgresql://to/come", "REDIS_URL": "redis://to.come"}


def start(root: Path, env: Mapping[str, str]) -> None:
    """Run everything until stopped. Raises DevstackError or SettingsError, where possible before anything is started."""
    if env.get("APP_ENV") == "production":
        raise DevstackError("APP_ENV is production: `make run` is for development. Use make web, worker, scheduler.")
    data = make_private(root / ".data")
    config = load({**PLACEHOLDERS, **{name: value for name, value in env.items() if value}}, data)
    port, url = config.port, f"http://127.0.0.1:{config.port}"
    if config.bind not in (f"0.0.0.0:{port}", f"127.0.0.1:{port}"):
        raise DevstackError("BIND: `make run` listens at PORT, on all addresses or on 127.0.0.1.")
    with hold(data / RUN_LOCK, "Nightshift is already running in this checkout, at ") as lock:
        print(url, end="", file=lock, flush=True)
        check_port_is_free(port, PORT_WAIT_SECONDS if (data / SERVERS).exists() else 0)
        (data / SERVERS).unlink(missing_ok=True)
        Run(root, env, url).run()


def clean(root: Path, env: Mapping[str, str]) -> None:
    """Stop the servers of this checkout and remove their files, in .data and outside."""
    data = make_private(root / ".data")
    with hold(data / RUN_LOCK, "`make run` is running in this checkout, stop it first: "):
        remove(data.resolve())


def check_port_is_free(port: int, wait_seconds: float) -> None:
    """Try it on every address, as the API may listen on any. Raises DevstackError, naming PORT."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return socket.create_server(("", port)).close()
        except OSError as error:
            if time.monotonic() >= deadline:
                why = os.strerror(error.errno or 0).lower()
                raise DevstackError(f"PORT {port} cannot be used ({why}). Choose another: make run PORT=3002") from None
        time.sleep(0.1)


def main(arguments: list[str]) -> int:
    """Return the exit status. An error is one line on stderr."""
    if arguments not in ([], ["clean"]):
        print("usage: python -m devstack [clean]", file=sys.stderr)
        return 2
    try:
        (clean if arguments == ["clean"] else start)(ROOT, os.environ)
    except (DevstackError, SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
