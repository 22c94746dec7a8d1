"""The program of the child process: python -m nightshift.knowledge.extract.reader MODULE PATH SECONDS.

Prints {"blocks": [[text, page, headings, columns], ...], "notes": [...]} or {"error": sentence} and exits with 0. A positive
status means an error outside the file. It imports little, to start in about 100 ms.
"""

import importlib
import json
import math
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Extracted

MEMORY_BYTES = 2 * 1024**3  # the largest of 1,103 PDFs took 73 MB
MAX_CHARACTERS = 20_000_000  # bounds the result, which the parent holds in memory: 12,500 chunks

_NO_MEMORY = "This file needs more memory than allowed. Split it into smaller files and upload those."
_TOO_LONG = "This file contains more than 20 million characters. Split it into smaller files and upload those."
_FAILED = "This file could not be read: it may be damaged. Save it again and upload that copy."


def main(module: str, path: str, seconds: str) -> None:
    limit(math.ceil(float(seconds)) + 1)
    sys.stdout.write(json.dumps(answer(importlib.import_module(module).read, Path(path))))


def limit(seconds: int) -> None:
    """Limit memory, CPU time and real time, and forbid core dumps, which would contain the text.

    The alarm ends a child whose parent died, or was interrupted before it knew of the child.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(seconds)


def answer(read: Callable[[Path], Extracted], path: Path) -> dict[str, Any]:
    """The reader's result or error as JSON. Raises OSError if the file cannot be opened."""
    try:
        found = read(path)
        if sum(len(block.text) + sum(map(len, block.headings)) for block in found.blocks) > MAX_CHARACTERS:
            raise PermanentError(_TOO_LONG)
        return {"blocks": [[b.text, b.page, b.headings, b.columns] for b in found.blocks], "notes": found.notes}
    except PermanentError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": _NO_MEMORY}
    except (OSError, KeyboardInterrupt):
        raise
    except BaseException:  # some readers panic with a BaseException
        return {"error": _FAILED}


if __name__ == "__main__":
    main(*sys.argv[1:])
