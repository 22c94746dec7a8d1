"""A production installation: a copy of the checkout, in which the README's commands are run as they stand there."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import requests
from client import Client
from documented import ROOT, blocks
from stack import wait_for

VERSIONS = "src/nightshift/db/migrations/versions"
LOAD_SETTINGS = "set -a; . ./nightshift.env; set +a\n"


class Installation:
    """`ports`: of the API on two machines."""

    def __init__(self, home: Path, ports: tuple[int, int]) -> None:
        self.root, self.ports = home / "nightshift", ports
        self.log = home / "nightshift.log"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._settings = {"BIND": f"127.0.0.1:{ports[0]}"}
        # Nothing of the machine that runs the tests: no setting, no environment of Python
        kept = ("PATH", "HOME", "LANG", "TMPDIR", "PIP_CACHE_DIR", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "SSL_CERT_FILE")
        self._env = {name: os.environ[name] for name in kept if name in os.environ} | {"PIP_NO_COMPILE": "1"}

    def install(self) -> None:
        tracked = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        )
        copy(ROOT, self.root, tracked.stdout.decode().split("\0"))
        install, migrate, _, _ = blocks("README.md", "In production")
        self.sh(install.replace("python3 ", f"{shlex.quote(sys.executable)} ", 1))  # the Python that is tested
        self.configure()
        assert migrate.startswith(LOAD_SETTINGS)
        self.sh(migrate)

    def configure(self, **changes: str) -> None:
        """Fill in nightshift.env; the rest is as in its example. Before it is installed they are only noted."""
        self._settings |= changes
        if not (self.root / "nightshift.env").exists():
            return
        lines = (self.root / "deploy/nightshift.env.example").read_text()
        for name, value in self._settings.items():
            line = f"{name}={shlex.quote(value)}"
            lines, found = re.subn(rf"^{name}=.*$", lambda _: line, lines, flags=re.M)  # noqa: B023 used at once
            lines += "" if found else f"{line}\n"
        (self.root / "nightshift.env").write_text(lines)

    def sh(self, commands: str, **env: str) -> str:
        """What they print. Fails with all of it where one of them fails."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=self.root, env=self._env | env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}"
        return done.stdout

    def with_settings(self, commands: str, **env: str) -> str:
        return self.sh(LOAD_SETTINGS + commands, **env)

    def launch(self, name: str, command: str, root: Path | None = None, **env: str) -> None:
        """One of the processes, as a service manager does: its command alone, with the settings. `root`: of another version."""
        assert command in "".join(blocks("README.md", "In production"))
        changes = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in env.items())
        with self.log.open("ab") as log:
            self.running[name] = subprocess.Popen(
                ["bash", "-euc", f"{LOAD_SETTINGS}{changes}exec {command}"],
                cwd=root or self.root, env=self._env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def launch_web(self, number: int) -> None:
        """The API, on the first machine or the second one."""
        self.launch(f"web{number}", "make web", BIND=f"127.0.0.1:{self.ports[number]}")

    def start(self) -> None:
        """Everything, with the API on two machines."""
        for number in (0, 1):
            self.launch_web(number)
        self.launch("worker", "make worker")
        self.launch("scheduler", "make scheduler")
        self.wait_ready(0)
        self.wait_ready(1)

    def lines(self, *levels: str) -> list[str]:
        """What was logged with one of these levels."""
        return [
            line for line in self.log.read_text().splitlines() if any(f'"level": "{level}"' in line for level in levels)
        ]

    def wait_ready(self, number: int, path: str = "/readyz") -> None:
        wait_for(lambda: self.status(number, path) == 200, 120, self.log.read_text)

    def status(self, number: int, path: str) -> int | None:
        try:
            return requests.get(f"http://127.0.0.1:{self.ports[number]}{path}", timeout=60).status_code
        except requests.RequestException:
            return None

    def stop(self, *names: str) -> None:
        """As a service manager does: SIGTERM, and they end by themselves. Without names: all."""
        ending = [self.running.pop(name) for name in names or tuple(self.running)]
        for process in ending:
            process.send_signal(signal.SIGTERM)
        for process in ending:
            process.wait(60)  # a bound of a hang; the stop itself takes at most 15 s

    def workspace(self, base_url: str) -> Client:
        """The workspace that the README creates."""
        made = self.with_settings(f"exec 2>/dev/null\n{blocks('README.md', 'In production')[3]}")
        found = json.loads(made)
        assert found["name"] == "Acme"
        return Client(base_url, found["apiKey"], found["id"], found["agentId"])


def copy(source: Path, target: Path, names: Iterable[str]) -> None:
    for name in filter(None, names):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (source / name).exists():
            place.write_bytes((source / name).read_bytes())
            place.chmod((source / name).stat().st_mode)


def previous_version(target: Path) -> Path | None:
    """The newest version that has fewer migrations than this one, as git has it. None without one."""
    now = sorted(path.name for path in (ROOT / VERSIONS).glob("*.py"))
    most, found = 0, None
    for commit in _git("rev-list", "HEAD").decode().split():
        names = ["git", "ls-tree", "--name-only", f"{commit}:{VERSIONS}"]  # fails where there were none yet
        there = subprocess.run(names, cwd=ROOT, capture_output=True, text=True).stdout.split()
        if most < len(there) < len(now) and there == now[: len(there)]:
            most, found = len(there), commit
    if found:
        target.mkdir()
        subprocess.run(["tar", "-x"], cwd=target, input=_git("archive", found), check=True)
    return target if found else None


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout
