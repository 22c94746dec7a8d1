"""What is in deploy/ is what the programs that read it take, and names the same commands everywhere."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from documented import ROOT
from programs import free_port, needs

pytestmark = pytest.mark.production
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
MAX_EXPOSURE = "25"  # of 100, as systemd-analyze counts it


def commands() -> dict[str, list[str]]:
    """What the Procfile starts, by the name of the process."""
    lines = (DEPLOY / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(": ") for line in lines)}


def test_every_file_starts_the_same_commands() -> None:
    named = commands() | {"migrate": commands()["release"]}
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in ("web", "worker", "scheduler", "migrate"):
        unit = (DEPLOY / f"systemd/nightshift-{name}.service").read_text()
        [started] = re.findall(r"^ExecStart=/opt/nightshift/current/(.*)$", unit, re.M)
        assert shlex.split(started.replace("/opt/nightshift/current/", "")) == named[name] == services[name]["command"]
        target = re.findall(rf"^{name}: .*\n\t@(?:exec )?(.*)$", (ROOT / "Makefile").read_text(), re.M)[0]
        assert shlex.split(target.replace("$(BIN)", ".venv/bin").replace(" $(QUEUES)", "")) == named[name]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_every_setting_of_the_example_is_one_that_the_program_reads() -> None:
    reference = (ROOT / "docs/reference.md").read_text()
    for name in re.findall(r"^([A-Z_]+)=", (DEPLOY / "nightshift.env.example").read_text(), re.M):
        assert re.search(rf"^\| .*`{name}`.* \|", reference, re.M), name


def test_systemd_takes_the_units_and_finds_them_closed(tmp_path: Path) -> None:
    needs("systemd-analyze")
    for unit in UNITS:
        text = re.sub(
            r"/opt/nightshift/current/\.venv/bin/\w+", "/bin/true", unit.read_text()
        )  # it looks whether it is there
        (tmp_path / unit.name).write_text(text)
    checked = run("systemd-analyze", "verify", *sorted(tmp_path.iterdir()))
    assert checked.returncode == 0 and checked.stderr == "", checked.stderr
    for unit in sorted(tmp_path.glob("*.service")):
        judged = run("systemd-analyze", "security", "--offline=true", f"--threshold={MAX_EXPOSURE}", unit)
        assert judged.returncode == 0, judged.stdout


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    needs("caddy")
    text = (DEPLOY / "Caddyfile").read_text()
    for port in ("3001", "3002"):
        assert f"127.0.0.1:{port}" in text
        text = text.replace(
            f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}"
        )  # it asks for their health while it is checked
    (tmp_path / "Caddyfile").write_text(text)
    checked = run("caddy", "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile")
    assert checked.returncode == 0 and "Valid configuration" in checked.stdout + checked.stderr, checked.stderr
    assert "Caddyfile input is not formatted" not in checked.stderr


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True)
