"""Structured log lines: what happened and to which ids, never what a customer wrote."""

import json
import logging
import sys
import traceback
from typing import Any

from nightshift import clock
from nightshift.errors import NightshiftError


def configure(log_format: str) -> None:
    """Send all logging to standard error, one line a record; libraries only from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if log_format == "json" else _Text())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("nightshift").setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(
        logging.ERROR
    )  # it warns of bad headers with the address, and what was in them
    logging.captureWarnings(True)


def log(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """One line: the event's name and its fields. Fields hold ids, names, counts and times only."""
    logging.getLogger("nightshift").log(level, event, extra={"fields": fields})


def where(error: BaseException) -> str:
    """An error as class and place. Its message stays out (drivers quote rows, parsers quote input), unless it is ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    place = f" at {ours[-1].filename.rpartition('/')[2]}:{ours[-1].lineno}" if ours else ""
    sentence = f": {error}" if isinstance(error, NightshiftError) else ""
    return f"{type(error).__name__}{sentence}{place}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = dict(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[1]:
        fields["error"] = where(record.exc_info[1])
    return fields


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items() if value is not None)
        level = "" if record.levelno <= logging.INFO else f"{record.levelname} "
        return f"{clock.now():%H:%M:%S} {level}{record.getMessage()} {fields}".rstrip()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        head = {"time": clock.now().isoformat(), "level": record.levelname, "event": record.getMessage()}
        return json.dumps({**head, "logger": record.name, **_fields(record)}, default=str)
