"""What the log says of a job that failed: in development its traceback, in production nothing of its words."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nightshift import logs
from nightshift.errors import NightshiftError, PermanentError
from nightshift.settings import settings
from runner import reporting
from runner.run import Ended

WORDS = "My parcel is lost"


@pytest.fixture(autouse=True)
def logging_is_restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.mark.parametrize(
    ("production", "log_format", "error", "traceback"),
    [
        (False, "text", RuntimeError(WORDS), True),
        (False, "text", PermanentError("The address is unknown."), False),
        (False, "json", RuntimeError(WORDS), False),
        (True, "text", RuntimeError(WORDS), False),
        (True, "json", RuntimeError(WORDS), False),
    ],
)
def test_an_unexpected_error_has_its_traceback_in_development_alone(
    production: bool, log_format: str, error: Exception, traceback: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(replace(settings(), production=production, log_format=log_format))
    try:
        raise error
    except Exception as raised:
        reporting.attempt("job-1", "email", Ended("retry", raised), 0.1)

    line, *rest = capsys.readouterr().err.splitlines()
    told = json.loads(line)["error"] if log_format == "json" else line.partition(" error=")[2]
    sentence = f": {error}" if isinstance(error, NightshiftError) else ""
    assert told.startswith(f"{type(error).__name__}{sentence} at test_reporting.py:")
    assert (f"RuntimeError: {WORDS}" in rest, bool(rest)) == (traceback, traceback)
