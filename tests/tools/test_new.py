"""`make new`: in a copy of the project it adds four files, edits none, and what it wrote passes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as it stands, its tracked and new files."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(copy / "src")}
    for name in ("DATABASE_URL", "REDIS_URL", "CREDENTIAL_KEYS", "ADMIN_API_KEY"):
        env.pop(name, None)
    return subprocess.run([sys.executable, *command], cwd=copy, env=env, capture_output=True, text=True)


@pytest.mark.slow
def test_four_files_of_at_most_120_lines_are_added_none_is_edited_and_they_pass(copy: Path) -> None:
    before = contents(copy)
    made = run(copy, "tools/new", "exports", "email")
    assert made.returncode == 0, made.stderr
    after = contents(copy)
    added = sorted(set(after) - set(before))
    assert added == sorted(made.stdout.split())
    assert len(added) == 4
    assert {name: after[name] for name in before} == before
    assert sum(after[name].count(b"\n") for name in added) <= 120
    for tool in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        checked = run(copy, "-m", *tool, *([] if tool == ["mypy"] else added))
        assert checked.returncode == 0, checked.stdout
    passed = run(
        copy,
        "-m",
        "pytest",
        "tests/acceptance/test_exports.py",
        "tests/nightshift/test_schema.py",
        "tests/test_rooms.py",
    )
    assert passed.returncode == 0, passed.stdout[-3000:]


REFUSED = [
    ("Exports", "email", "Python name"), ("email", "email", "exists"), ("exports", "exports", "No such queue"),
    ("class", "email", "Python"), ("order", "email", "SQL"), ("slots", "email", "table"),
]  # fmt: skip


@pytest.mark.slow
def test_a_name_that_cannot_be_is_refused_in_one_line_and_nothing_is_written(copy: Path) -> None:
    before = contents(copy)
    for name, queue, reason in REFUSED:
        refused = run(copy, "tools/new", name, queue)
        assert refused.returncode == 1
        assert reason in refused.stderr and refused.stderr.count("\n") == 1
    assert contents(copy) == before
