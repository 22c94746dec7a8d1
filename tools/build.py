"""Build .venv from the locks, saying every few seconds how far it is. Run by `make`, with the first Python that fits.

Needs nothing but the standard library. Two of them take turns, and the second finds the environment built.
"""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `main` has a handler, Ctrl-C ends it without a traceback

import fcntl
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
DONE = VENV / "installed"
BUILD_LOCK = ROOT / "requirements-build.lock"
LOCKS = [ROOT / f"requirements{part}.lock" for part in ("", "-embedded", "-otel", "-dev")]
SOURCES = (BUILD_LOCK, *LOCKS, ROOT / "setup.cfg")
REPORT_SECONDS = 3.0


class BuildError(Exception):
    """One line on why there is no environment."""


def build() -> None:
    """Make the environment again. Raises BuildError, OSError."""
    say(f"Building the environment below .venv with Python {platform.python_version()} ...")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    run([sys.executable, "-m", "venv", VENV])
    install("the build tools", "--require-hashes", "--requirement", BUILD_LOCK)
    locks = [part for lock in LOCKS for part in ("--requirement", lock)]
    wanted = sum(len(re.findall("^[^ ]+==", lock.read_text(), re.MULTILINE)) for lock in LOCKS)
    install("the packages", "--require-hashes", "--no-build-isolation", *locks, wanted=wanted)
    install("Nightshift", "--no-build-isolation", "--no-index", "--editable", ".")
    DONE.touch()


def install(what: str, *arguments: str | Path, wanted: int = 0) -> None:
    pip = [VENV / "bin/python", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-deps"]
    fast = ("--no-compile", "--progress-bar", "off")  # what is imported compiles itself, a third of all
    say(f"  installing {what}")
    run([*pip, *fast, *arguments], wanted)


def run(command: list[str | Path], wanted: int = 0) -> None:
    """Run it to its end; with `wanted` packages, say how far it is. Raises BuildError with the last error it named."""
    log = VENV / "build.log"
    with log.open("w") as output, subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output) as process:
        try:
            while True:
                try:
                    process.wait(REPORT_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if wanted:
                        say(f"  {progress(log.read_text(errors='replace'), wanted)}")
        finally:
            process.kill()
    if process.returncode:
        raise BuildError(f"The environment could not be built: {last_error(log)}")


def progress(said: str, wanted: int) -> str:
    if "Installing collected packages" not in said:
        return f"{said.count('Collecting ')} of {wanted} packages downloaded"
    installed = len(list(VENV.glob("lib/python*/site-packages/*.dist-info")))
    return f"{min(installed, wanted)} of {wanted} packages installed"


def last_error(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "Error", "OSError"))]
    return (errors or lines or ["it said nothing"])[-1]


def say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """The exit status; what went wrong goes to stderr in one line."""
    started = time.monotonic()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        with (ROOT / "Makefile").open() as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if DONE.exists() and DONE.stat().st_mtime >= max(source.stat().st_mtime for source in SOURCES):
                return 0
            build()
        size = sum(entry.lstat().st_size for entry in VENV.rglob("*")) // 1_000_000
        say(f"  done: {size} MB in {time.monotonic() - started:.0f} s")
    except KeyboardInterrupt:
        print("Stopped. The next make begins again.", file=sys.stderr)
        return 130
    except (BuildError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def stop(*_: object) -> None:
    """End what runs; a second signal ends this process at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
