"""Runs commands, each in a forked child of its own that may die or stop in the middle: imports cost time once.

`python zygote.py` reads one JSON line for each command, {"command": name, ...its arguments}, and answers with one,
{"status": how the child ended, None while it is stopped, "result": what the command returned, None where it did not}.
The command "go_on" lets the stopped one go on, and answers for it.
"""

import json
import math
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]

import commands
import tracing

from nightshift.billing import grants
from nightshift.knowledge import ingest, language, openai_embedder  # noqa: F401 imported here, once

WORKSPACES_A_BATCH = 100  # of those that the cases before have left: more than one batch of grants


def main() -> None:
    tracing.install()
    language.warm()
    grants.BATCH = WORKSPACES_A_BATCH
    ingest.PROGRESS_SECONDS = math.inf  # once: the number of points does not depend on speed
    stopped: _Child | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked.pop("command")
        if name == "go_on":
            assert stopped
            os.kill(stopped.pid, signal.SIGCONT)
            answer = stopped.answer()
        else:
            child = _forked(getattr(commands, name), asked)
            answer = child.answer()
            stopped = child if answer["status"] is None else stopped
        print(json.dumps(answer), flush=True)


@dataclass(frozen=True)
class _Child:
    pid: int
    pipe: int

    def answer(self) -> dict[str, Any]:
        """When it has ended or stopped. What it returns is short: the pipe takes it whole."""
        status = os.waitpid(self.pid, os.WUNTRACED)[1]
        if os.WIFSTOPPED(status):
            return {"status": None, "result": None}
        with open(self.pipe, "rb") as pipe:
            returned = pipe.read()
        return {"status": os.waitstatus_to_exitcode(status), "result": json.loads(returned) if returned else None}


def _forked(command: commands.Command, arguments: dict[str, object]) -> _Child:
    mine, childs = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.close(mine)
            result = json.dumps(command(**arguments)).encode()
            with open(childs, "wb") as pipe:
                pipe.write(result)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(childs)
    return _Child(pid, mine)


if __name__ == "__main__":
    main()
