"""Structured log lines: what happened and to which ids, never what a customer wrote."""

import json
import logging
import sys
import traceback
from typing import Any

from nightshift import clock, tracing
from nightshift.errors import NightshiftError, one_line
from nightshift.settings import Settings

_logger = logging.getLogger("nightshift")
_encode = json.JSONEncoder(default=str).encode


def configure(settings: Settings) -> None:
    """Send all logging to standard error, one line for each record; libraries only from WARNING on.

    In development's text format, an error that nobody expects is followed by its traceback.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = _Text() if settings.production else _TextWithTraceback()
    handler.setFormatter(_Json() if settings.log_format == "json" else text)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _logger.setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings about headers contain the URL and the headers
    logging.captureWarnings(True)


def log(event: str, level: int = logging.INFO, *, raised: BaseException | None = None, **fields: Any) -> None:
    """Write one line: the event's name and its fields. Fields hold ids, names, counts and times only.

    `raised` becomes the field `error`: its class and place.

    Makes the record itself: Logger.log would walk the stack for the caller's file and line, which no format shows.
    """
    if _logger.isEnabledFor(level):
        exc_info = (type(raised), raised, raised.__traceback__) if raised else None
        record = logging.LogRecord(_logger.name, level, "", 0, event, (), exc_info)
        record.fields = fields
        _logger.handle(record)


def where(error: BaseException) -> str:
    """An error's class and location. Its message is left out (drivers quote rows, parsers quote input) unless it is ours."""
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [line for line in lines if "site-packages" not in line[0]] or lines
    location = f" at {ours[-1][0].rpartition('/')[2]}:{ours[-1][1]}" if ours else ""
    sentence = f": {error}" if isinstance(error, NightshiftError) else ""
    return f"{type(error).__name__}{sentence}{location}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = dict(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[1]:
        fields["error"] = where(record.exc_info[1])
    return {name: one_line(value) if isinstance(value, str) else value for name, value in fields.items()}


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items() if value is not None)
        level = "" if record.levelno <= logging.INFO else f"{record.levelname} "
        return f"{clock.now():%H:%M:%S} {level}{record.getMessage()} {fields}".rstrip()


class _TextWithTraceback(_Text):
    """For a terminal only: an error's own message may quote what a customer wrote."""

    def format(self, record: logging.LogRecord) -> str:
        line, info = super().format(record), record.exc_info
        if not info or info[1] is None or isinstance(info[1], NightshiftError):
            return line
        return f"{line}\n{''.join(traceback.format_exception(info[1])).rstrip()}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        head = {"time": clock.now().isoformat(), "level": record.levelname, "event": record.getMessage()}
        return _encode({**head, "logger": record.name, **tracing.ids(), **_fields(record)})
