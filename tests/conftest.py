"""Real Postgres and Redis for the whole run, and the program itself in processes of its own for tests that ask for `stack`.

With `-n` each of pytest's processes has its own of all of these.
"""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent / "support"))  # importlib mode leaves it off the path

from client import OPERATOR_KEY, Client
from progress import Progress
from recorder import Recorder
from reporting import RESEND_SECRET
from stack import Stack

from devstack.postgres import Postgres
from devstack.redis import Redis
from nightshift.settings import VENDOR_BASE_URLS

FUZZING = ROOT / "tests" / "acceptance" / "test_the_description_holds.py"  # six seconds to collect, for each process
PRODUCTION = ROOT / "tests" / "production"  # installs an environment: only `make test-production` runs it
MAX_PROCESSES = 5  # each with servers and a stack of its own; the tests mostly wait, so more than there are cores


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.register_profile("no clock", deadline=None)  # an example may meet a busy machine
    hypothesis.settings.load_profile("no clock")
    if not hasattr(config, "workerinput"):  # not one of the processes of `-n`
        config.pluginmanager.register(Progress(config.pluginmanager.getplugin("terminalreporter")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """For `-n auto`: no more processes than there are test files, and none beside this one for a single file."""
    paths = [Path(argument.partition("::")[0]) for argument in config.args]
    files = sum(len(list(path.rglob("test_*.py"))) if path.is_dir() else 1 for path in paths)
    return min(MAX_PROCESSES, files) if files > 1 else 0


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each reason why tests were left out."""
    for reason, number in Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())).items():
        terminalreporter.write_line(f"{number} left out: {reason.removeprefix('Skipped: ')}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make test` does not even import what it would deselect."""
    if collection_path == PRODUCTION:
        return config.option.markexpr != "production" or None
    return True if collection_path == FUZZING and config.option.markexpr == "not slow" else None


@pytest.fixture(scope="session", autouse=True)
def servers() -> Iterator[dict[str, str]]:
    """Embedded servers of this run's own; the environment names them before anything reads a setting."""
    home = Path(tempfile.mkdtemp(prefix="nightshift-test-"))
    postgres, redis = Postgres(home, shared_buffers="64MB"), Redis(home)
    try:
        postgres.start()
        redis.start()
        environment = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "ADMIN_API_KEY": OPERATOR_KEY,
            "CREDENTIAL_KEYS": base64.urlsafe_b64encode(bytes(32)).decode(),
            "APP_ENV": "development",
        }
        os.environ.update(environment)
        subprocess.run([sys.executable, "-m", "nightshift.db.migrate"], check=True, cwd=ROOT)
        yield environment
    finally:
        redis.stop()
        postgres.stop()
        postgres.remove()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def vendors() -> Iterator[Recorder]:
    """One HTTP server that plays every vendor, and Sentry, and remembers what it was asked."""
    recorder = Recorder()
    recorder.start()
    yield recorder
    recorder.stop()


@pytest.fixture(scope="session")
def stack(servers: dict[str, str], vendors: Recorder) -> Iterator[Stack]:
    """Web, workers and scheduler, as `make web`, `make worker` and `make scheduler` start them."""
    running = Stack(
        ROOT,
        {
            **servers,
            "OPENAI_API_KEY": "sk-test",
            "RESEND_API_KEY": "re_test",
            "RESEND_FROM": "Nightshift <nightshift@example.com>",
            "RESEND_BASE_URL": f"{vendors.url}/resend",
            "RESEND_WEBHOOK_SECRET": RESEND_SECRET,
            "OPENAI_BASE_URL": f"{vendors.url}/openai/v1",
            "SENTRY_DSN": f"http://public@{vendors.url.removeprefix('http://')}/1",
            "LOG_FORMAT": "json",
            "OUTBOUND_ALLOW_HOSTS": "127.0.0.1",
            **{f"{vendor}_BASE_URL": f"{vendors.url}/{vendor.lower()}" for vendor in VENDOR_BASE_URLS},
        },
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def api(stack: Stack) -> Client:
    """A workspace of this test's own, with its agent and its key."""
    return Client.of_new_workspace(stack.base_url, OPERATOR_KEY)
