"""The operator's commands, in the test's own process: one of their own takes seconds to start."""

import io
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess

import jobs  # noqa: F401  registers them
from runner.ops import main


def ops(*arguments: str) -> CompletedProcess[str]:
    """What `python -m runner.ops ...` answers."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as stop:  # argparse's
            status = int(stop.code or 0)
    return CompletedProcess(list(arguments), status, out.getvalue(), err.getvalue())
