"""The operator's commands, in the test's own process: one of their own takes seconds to start."""

import io
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess

from runner.cli import main


def ops(*arguments: str) -> CompletedProcess[str]:
    """What `nightshift ...` answers."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    return CompletedProcess(list(arguments), status, out.getvalue(), err.getvalue())
