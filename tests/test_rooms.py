"""Imports go down only, and the libraries stay in the rooms they were let into."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FEATURES = {"analytics", "billing", "channels", "knowledge", "mail"}  # of nightshift: none imports another
ALLOWED = {  # room: what it may import of the house
    "nightshift": {"nightshift"},
    "runner": {"runner", "nightshift"},
    "jobs": {"jobs", "runner", "nightshift"},
    "web": {"web", "jobs", "runner", "nightshift"},
    "devstack": {"devstack", "nightshift"},
    "worker.py": {"jobs", "runner", "nightshift"},
    "scheduler.py": {"jobs", "runner", "nightshift"},
}
RQ_ROOMS = {"runner", "web/developer/dashboard.py"}
FLASK_ROOMS = {"web"}


def modules() -> list[tuple[str, str, set[str]]]:
    """(room, path within the house, modules imported) of every file."""
    found = []
    for path in [*sorted((ROOT / "src").rglob("*.py")), ROOT / "worker.py", ROOT / "scheduler.py"]:
        place = path.relative_to(ROOT / "src" if "src" in path.parts else ROOT)
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        found.append((place.parts[0], place.as_posix(), names))
    return found


def test_imports_go_down_only() -> None:
    for room, place, names in modules():
        house = {name.split(".")[0] for name in names} & {
            "nightshift",
            "jobs",
            "runner",
            "web",
            "devstack",
            "worker",
            "scheduler",
        }
        assert house <= ALLOWED[room], f"{place} imports {house - ALLOWED[room]}"


def test_a_feature_never_imports_another_and_the_ground_floor_imports_no_feature() -> None:
    for room, place, names in modules():
        if room == "nightshift":
            own = {place.split("/")[1]} & FEATURES
            used = {name.split(".")[1] for name in names if name.startswith("nightshift.")} & FEATURES
            assert used <= own, f"{place} imports {used - own}"


def test_rq_and_flask_stay_in_their_rooms() -> None:
    for room, place, names in modules():
        libraries = {name.split(".")[0] for name in names}
        assert not libraries & {"rq", "rq_scheduler", "rq_dashboard"} or {room, place} & RQ_ROOMS, place
        assert "flask" not in libraries or room in FLASK_ROOMS, place


def test_the_engine_knows_no_job_by_name() -> None:
    names = {path.stem for path in (ROOT / "src" / "jobs").glob("*.py")} - {"__init__", "queues", "schedule"}
    for path in (ROOT / "src" / "runner").glob("*.py"):
        words = set(re.findall(r"[a-z_]+", path.read_text()))
        assert not {f"jobs.{name}" for name in names} & words, path.name
        assert not {"ingest", "retry_send", "daily_rollup", "monthly_credit_grant"} & words, path.name
