"""Child processes end with their parent and when they are told to; those that are kept are started again."""

import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from devstack.process import Process, stop

STUBBORN = "trap '' TERM; echo here > started; while :; do sleep 0.05; done"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE  # where nobody reaps orphans
    except psutil.NoSuchProcess:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2)")
def test_a_child_ends_when_its_parent_is_killed() -> None:
    script = (
        "import os; from devstack.process import Process; p = Process('sleep', ['sleep', '60']); p.launch();"
        "print(p.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    pid = int(subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False).stdout)

    deadline = time.monotonic() + 60
    while not gone(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_that_ignores_the_signal_is_killed_with_its_group(tmp_path: Path) -> None:
    stubborn = Process("stubborn", ["sh", "-c", f"({STUBBORN}) & wait"], cwd=tmp_path)
    stubborn.launch()
    wait_for(tmp_path / "started")
    assert stubborn.pid
    family = [stubborn.pid, *(child.pid for child in psutil.Process(stubborn.pid).children(recursive=True))]

    stop(stubborn, wait_seconds=0.1)

    assert not stubborn.running()
    deadline = time.monotonic() + 60
    while not all(map(gone, family)):
        assert time.monotonic() < deadline


def test_stopping_what_never_ran_or_has_ended_is_harmless() -> None:
    process = Process("true", ["true"])
    stop(process)
    process.launch()
    stop(process)
    stop(process)
    assert process.how_it_ended() in ("ended with exit status 0", "was ended by SIGTERM")


class Failing(Process):
    """Ends as soon as it is started."""

    launches = 0

    def launch(self) -> None:
        self.launches += 1


def test_the_pause_grows_while_starts_fail_up_to_five_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    failing = Failing("failing", [])
    launched_at = [0.0]

    for tenth in range(300):
        before = failing.launches
        failing.keep(tenth / 10)
        if failing.launches > before:
            launched_at.append(tenth / 10)

    pauses = [round(b - a, 1) for a, b in pairwise(launched_at)]
    assert pauses[:6] == pytest.approx([0.2, 0.5, 0.9, 1.7, 3.3, 5.1], abs=0.11)  # a tick late each
    assert "failing did not start: starting it again." in capsys.readouterr().out


def test_a_kept_process_that_was_killed_runs_again() -> None:
    process = Process("sleep", ["sleep", "60"])
    process.launch()
    first = process.pid
    assert first
    os.kill(first, 9)
    deadline = time.monotonic() + 60
    while process.pid in (first, None):
        assert time.monotonic() < deadline
        process.keep(time.monotonic())
        time.sleep(0.01)
    stop(process)
