"""How far a run of the tests is: one line a minute. It is printed by the process that the others report to."""

import time
from threading import Event, Thread
from typing import Any

import pytest

INTERVAL_SECONDS = 60


class Progress:
    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._tests, self._done, self._failed = 0, set[str](), 0
        self._ended = Event()

    def pytest_sessionstart(self) -> None:
        self._began = time.monotonic()
        Thread(target=self._print_lines, daemon=True).start()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._tests = len(session.items) or self._tests

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._tests = len(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed += report.failed
        if report.when == "teardown":
            self._done.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self._ended.set()

    def _print_lines(self) -> None:
        while not self._ended.wait(INTERVAL_SECONDS):
            minutes = round((time.monotonic() - self._began) / 60)
            done = f"{len(self._done)} of {self._tests} tests done, {self._failed} failed"
            self._terminal.write(f"\n{minutes} min: {done}\n", flush=True)
