import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread, main_thread
from types import FrameType
from typing import IO

import psutil
import pytest
from extracted import Extracted, whole
from stack import wait_for

from nightshift.errors import PermanentError, TemporaryError
from nightshift.knowledge.extract import blocks, child, extract
from nightshift.knowledge.extract.blocks import Block

Run = Callable[..., Extracted]
Reading = AbstractContextManager[blocks.Extracted]


class Interrupted(BaseException):
    pass


@contextmanager
def file_of(text: str) -> Iterator[IO[bytes]]:
    with TemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        file.seek(0)
        yield file


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reading]:
    """Read a file with the unruly reader, which only the child's PYTHONPATH contains."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "readers"), prepend=os.pathsep)

    @contextmanager
    def start(deed: str, timeout_seconds: float = 20.0) -> Iterator[blocks.Extracted]:
        with file_of(f"{deed}\n{tmp_path}") as file, child.read("unruly", file, timeout_seconds) as found:
            yield found

    return start


@pytest.fixture
def run(start: Callable[..., Reading]) -> Run:
    return lambda *args, **options: whole(start(*args, **options))


@pytest.fixture
def pid(tmp_path: Path) -> Callable[[], int]:
    """Wait for the running child's process id."""

    def pid() -> int:
        for _ in range(3000):
            if (tmp_path / "pid").exists() and (text := (tmp_path / "pid").read_text()):
                return int(text)
            time.sleep(0.02)
        raise AssertionError("the child did not start")

    return pid


@pytest.fixture
def interrupt_when_it_runs(pid: Callable[[], int]) -> Iterator[None]:
    """Raise Interrupted from a signal handler once the child runs, as a job's time limit does."""

    def handler(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    def interrupt() -> None:
        pid()
        signal.pthread_kill(main_thread().ident or 0, signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, handler)
    watching = Thread(target=interrupt)
    watching.start()
    yield
    watching.join()
    signal.signal(signal.SIGALRM, before)


def test_the_reader_s_blocks_and_notes_arrive_unchanged(run: Run) -> None:
    assert run("Grüße 名前 😀") == Extracted([Block("Grüße 名前 😀", page=2, headings=("A", "B"))], ["a note"])


def test_the_child_sees_no_secret(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    names = run("environment").blocks[0].text.split(",")
    assert "OPENAI_API_KEY" not in names
    assert set(names) <= {"PATH", "PYTHONPATH", "LANG", "LC_CTYPE", "MALLOC_TOP_PAD_", "MALLOC_TRIM_THRESHOLD_"}


def test_the_child_may_use_little_more_than_the_time_limit_and_leaves_no_core_dump(run: Run) -> None:
    assert run("limits", timeout_seconds=20.0).blocks[0].text == "(21, 22) (0, 0)"


def test_a_small_file_may_use_less_time(run: Run) -> None:
    assert run("limits", timeout_seconds=120.0).blocks[0].text.startswith("(22, 23)")


def test_what_the_child_writes_to_stderr_goes_nowhere(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    run("talk")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        ("SIGSEGV", "breaks the reader"),
        ("SIGABRT", "breaks the reader"),
        ("SIGKILL", "breaks the reader"),
        ("SIGXCPU", "too long to read"),
        ("eat", "more memory"),
        ("panic", "may be damaged"),
        ("long", "more than 20 million characters"),
        ("first SIGSEGV", "breaks the reader"),
        ("first panic", "may be damaged"),
        ("first exit", "breaks the reader"),
    ],
)
def test_a_file_that_breaks_its_reader_is_refused_with_a_sentence(run: Run, deed: str, sentence: str) -> None:
    with pytest.raises(PermanentError, match=sentence):
        run(deed)


@pytest.mark.parametrize("deed", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_stop_of_the_service_is_not_the_file_s_fault(run: Run, deed: str) -> None:
    with pytest.raises(TemporaryError):
        run(deed)


def test_a_reader_that_cannot_be_imported_is_not_the_file_s_fault() -> None:
    with pytest.raises(TemporaryError), file_of("text") as file:
        whole(child.read("no_such_reader", file))


def test_a_disk_that_cannot_be_read_is_not_the_file_s_fault(tmp_path: Path) -> None:
    with pytest.raises(TemporaryError), (tmp_path / "write-only").open("wb") as file:
        whole(child.read("nightshift.knowledge.extract.pdf.document", file))


@pytest.mark.parametrize("deed", ["hang", "spin"])
def test_a_reader_that_never_ends_is_killed(run: Run, pid: Callable[[], int], deed: str) -> None:
    with pytest.raises(PermanentError, match="too long to read"):
        run(deed, timeout_seconds=3.0)  # in which it has started
    wait_for(lambda: not psutil.pid_exists(pid()))


def test_blocks_come_while_the_file_is_read_and_leaving_kills_the_child(
    start: Callable[..., Reading], pid: Callable[[], int]
) -> None:
    with start("first hang", timeout_seconds=120.0) as found:
        assert next(iter(found.blocks)).text.startswith("first")
        assert psutil.pid_exists(pid())
        left = time.monotonic()
    assert not psutil.pid_exists(pid())
    assert time.monotonic() - left < 30, "it would have hung for 60"


@pytest.mark.usefixtures("interrupt_when_it_runs")
def test_an_exception_from_a_signal_handler_kills_the_child(run: Run, pid: Callable[[], int]) -> None:
    with pytest.raises(Interrupted):
        run("hang")
    assert not psutil.pid_exists(pid())


@pytest.mark.usefixtures("run")
def test_the_child_ends_itself_when_nobody_kills_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nightshift.knowledge.extract.reader", "unruly", "0.5"]
    with file_of(f"hang\n{tmp_path}") as file:
        assert subprocess.run(command, stdin=file, timeout=60).returncode == -signal.SIGALRM


def test_pieces_of_a_long_text_are_the_text() -> None:
    text = "\n\n".join(f"Line {n}\nof it" + "\n" * (n % 4) for n in range(30_000))
    with file_of(text) as file:
        blocks = whole(extract("text", file)).blocks
    assert len(blocks) > 3
    assert "\n\n".join(block.text for block in blocks) == text
