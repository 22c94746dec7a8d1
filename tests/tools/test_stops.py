"""Ctrl-C or SIGTERM at any moment ends each program without a traceback, also while it is still importing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from stack import wait_for

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {
    "worker": ["worker.py", "email"],
    "scheduler": ["scheduler.py"],
    "migrate": ["-m", "nightshift.db.migrate"],
    "nightshift": ["-m", "runner.cli", "failed"],
}
MOMENTS = [seconds / 10 for seconds in (0, 0.5, 1, 2, 3, 4, 6, 8, 10, 12, 15, 20)]
ENDED = {0, 1, 130, -signal.SIGINT, -signal.SIGTERM}
Launch = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start Python in a process group of its own, as a terminal does, and wait until it runs the program itself."""
    launched: list[subprocess.Popen[str]] = []

    def start(*arguments: str, cwd: Path = ROOT) -> "subprocess.Popen[str]":
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        environment = {**os.environ, "PIP_NO_INDEX": "1"}
        program = subprocess.Popen(
            [sys.executable, *arguments], cwd=cwd, env=environment, start_new_session=True, **pipes
        )
        launched.append(program)
        process = psutil.Process(program.pid)
        while program.poll() is None and sum(process.cpu_times()[:2]) < 0.05:  # Python itself is starting
            time.sleep(0.001)
        return program

    yield start
    for program in launched:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()


def stopped(program: "subprocess.Popen[str]", number: int, send: signal.Signals) -> str:
    """What it said until it ended: a terminal's Ctrl-C reaches its whole group, and an impatient user repeats it."""
    if program.poll() is None:
        os.killpg(program.pid, send)
    if number % 3 == 0 and program.poll() is None:
        os.killpg(program.pid, send)
    said, _ = program.communicate(timeout=300)
    assert program.returncode in ENDED, said
    return said


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_stop_at_any_moment_is_no_traceback(name: str, launch: Launch, servers: dict[str, str]) -> None:
    for number, seconds in enumerate(MOMENTS):
        program = launch(*PROGRAMS[name])
        time.sleep(seconds)
        said = stopped(program, number, (signal.SIGINT, signal.SIGTERM)[number % 2])
        assert said in ("", "Nothing is FAILED.\n") or ("Traceback" not in said and "WARNING" not in said), said


@pytest.mark.slow
def test_a_stop_at_any_moment_of_the_build_is_one_line(launch: Launch, tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    for name in ("Makefile", "setup.cfg", "tools/build.py", *(lock.name for lock in ROOT.glob("requirements*.lock"))):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    for number, seconds in enumerate([*MOMENTS, 3.0, 4.0]):
        program = launch("tools/build.py", cwd=checkout)
        time.sleep(seconds)
        lines = stopped(program, number, (signal.SIGINT, signal.SIGTERM)[number % 2]).splitlines()
        errors = [line for line in lines if not line.startswith(("Building the environment", "  installing"))]
        assert not errors or errors == ["Stopped. The next make begins again."] or "could not be built" in errors[0]
        assert len(errors) < 2
        wait_for(lambda: not running_below(checkout))


def running_below(directory: Path) -> list[psutil.Process]:
    everyone = psutil.process_iter(["cmdline"])
    return [process for process in everyone if str(directory) in " ".join(process.info["cmdline"] or ())]
