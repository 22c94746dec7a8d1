"""The program of the child process: python -m nightshift.knowledge.extract.reader MODULE SECONDS < FILE.

Prints a line of JSON for each block as it is read, [text, page, headings, columns], then {"notes": [...]} or {"error": sentence},
and exits with 0. A positive status means an error outside the file. It imports little, to start in about 100 ms.
"""

import importlib
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

from nightshift.errors import PermanentError
from nightshift.knowledge.extract.blocks import Extracted
from nightshift.knowledge.extract.limits import MAX_CHARACTERS, TOO_LONG

CPU_SECONDS, CPU_SECONDS_PER_MB = 20, 8  # no small file holds a child for long; a million cells take 20 s
MEMORY_BYTES = 2 * 1024**3  # the largest of 1,103 PDFs took 73 MB

_NO_MEMORY = "This file needs more memory than allowed. Split it into smaller files and upload those."
_FAILED = "This file could not be read: it may be damaged. Save it again and upload that copy."


def main(module: str, seconds: str) -> None:
    size = os.fstat(0).st_size
    cpu_seconds = min(float(seconds), CPU_SECONDS + CPU_SECONDS_PER_MB * size / (1 << 20))
    limit(math.ceil(float(seconds)) + 1, math.ceil(cpu_seconds) + 1)
    most = max(MAX_CHARACTERS, size if module.endswith(".plain") else 0)
    for line in answer(importlib.import_module(module).read, sys.stdin.buffer, most):
        sys.stdout.buffer.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")


def limit(seconds: int, cpu_seconds: int) -> None:
    """Limit memory, CPU time and real time, and forbid core dumps, which would contain the text.

    The alarm ends a child whose parent died, or was interrupted before it knew of the child. At a hard limit the kernel
    sends SIGKILL, as for a lack of memory: the soft one comes first, with SIGXCPU.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(seconds)


def answer(read: Callable[[IO[bytes]], Extracted], file: IO[bytes], most: int = MAX_CHARACTERS) -> Iterator[Any]:
    """The reader's blocks and notes, or its error, as JSON. Raises OSError if the bytes of the file cannot be read.

    `most`: characters. A plain text may have more than other files: its own size bounds it.
    """
    try:
        found, left = read(file), most
        for block in found.blocks:
            left -= len(block.text) + sum(map(len, block.headings))
            if left < 0:
                raise PermanentError(TOO_LONG)
            yield [block.text, block.page, block.headings, block.columns]
        yield {"notes": found.notes}
    except PermanentError as error:
        yield {"error": str(error)}
    except MemoryError:
        yield {"error": _NO_MEMORY}
    except (OSError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException:  # some readers panic with a BaseException
        yield {"error": _FAILED}


if __name__ == "__main__":
    main(*sys.argv[1:])
