"""Writes a new job: `make new JOB=exports`. Four files are added and none is edited; they pass as written.

The job goes on an existing queue (`QUEUE=email`, the default). The templates are beside this file.
"""

import re
import sys
from keyword import iskeyword
from pathlib import Path

from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

TEMPLATES = Path(__file__).parent
VERSIONS = Path("src/nightshift/db/migrations/versions")


def main(name: str, queue: str, root: Path = Path()) -> int:
    """The exit status; what is wrong goes to stderr in one line, before a file is written."""
    sys.path.insert(0, str(root / "src"))
    import jobs  # noqa: F401  registers the queues
    from nightshift.db.models import Base
    from runner.registry import QUEUES

    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        return _refuse("JOB must be a Python name in lower case, like exports.")
    if iskeyword(name) or name in RESERVED_WORDS or name in Base.metadata.tables:
        return _refuse(f"{name} is a word of Python or of SQL, or a table: choose another name.")
    if queue not in QUEUES:
        return _refuse(f"No such queue: {queue}. Queues: {', '.join(QUEUES)}.")
    last = max(path.name[:4] for path in (root / VERSIONS).glob("[0-9]*.py"))
    following = f"{int(last) + 1:04}"
    values = dict(name=name, queue=queue, path=name.replace("_", "-"), revision=following, down_revision=last)
    values |= dict(title=name.replace("_", " ").capitalize(), model="".join(map(str.capitalize, name.split("_"))))
    files = {
        f"src/jobs/{name}.py": "job",
        f"{VERSIONS}/{following}_{name}.py": "migration",
        f"src/web/api/{name}.py": "route",
        f"tests/acceptance/test_{name}.py": "test",
    }
    if taken := [file for file in files if (root / file).exists()]:
        return _refuse(f"{taken[0]} exists: choose another name.")
    for file, template in files.items():
        text = (TEMPLATES / f"{template}.txt").read_text()
        (root / file).write_text(re.sub(r"<<(\w+)>>", lambda found: values[found[1]], text))
        print(file)
    return 0


def _refuse(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
