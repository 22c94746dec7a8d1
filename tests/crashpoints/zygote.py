"""Runs commands, each in a forked child of its own that may die in the middle: imports cost time once.

`python zygote.py` reads one JSON line for each command, {"command": name, ...its arguments}, and answers with one,
{"status": how the child ended, "result": what the command returned, None where it died}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]

import commands
import tracing

from nightshift.billing import grants
from nightshift.knowledge import language, openai_embedder  # noqa: F401 imported here, once

WORKSPACES_A_BATCH = 100  # of those that the cases before have left: more than one batch of grants


def main() -> None:
    tracing.install()
    language.warm()
    grants.BATCH = WORKSPACES_A_BATCH
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_forked(getattr(commands, asked.pop("command")), asked)), flush=True)


def _forked(command: commands.Command, arguments: dict[str, object]) -> dict[str, object]:
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
    with open(mine, "rb") as pipe:
        answer = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {"status": status, "result": json.loads(answer) if answer else None}


if __name__ == "__main__":
    main()
