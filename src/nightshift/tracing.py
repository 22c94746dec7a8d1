"""Traces: one from a request through its outbox rows and their runs to the calls of vendors.

Every JSON log line of it carries the same ids. With OTEL_EXPORTER_OTLP_ENDPOINT its spans are exported too; without it,
OpenTelemetry is not imported. Spans hold ids and names only: never a text, an address, or an error's message.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from nightshift.settings import settings

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context
TRACE_ID = slice(3, 35)


@dataclass
class Span:
    """A part of a trace that is under way. `ids`: what log lines name beside the trace: workspace and row."""

    traceparent: str
    ids: dict[str, str]
    exported: Any = None

    def set(self, error: BaseException | None = None, **attributes: Any) -> None:
        """How it ended, for the exported span alone."""
        if self.exported:
            self.exported.set_attributes(attributes)
            if error:
                _exporter().fail(self.exported, error)


_current: ContextVar[Span | None] = ContextVar("span", default=None)


def ids() -> dict[str, str]:
    """What each log line of the current trace carries."""
    span = _current.get()
    return {"trace": span.traceparent[TRACE_ID], **span.ids} if span else {}


def add_id(name: str, value: str) -> None:
    """The current trace is about this, unless it is known to be about another one."""
    if span := _current.get():
        span.ids.setdefault(name, value)


def traceparent() -> str:
    """What a row keeps, so that its runs belong to the current trace; outside of one, that of a new trace."""
    span = _current.get()
    return span.traceparent if span else _new()


@contextmanager
def about(traceparent: str | None, **known: str) -> Iterator[Span]:
    """Log lines of the block belong to this trace, and name these ids."""
    outer, span = _current.get(), Span(traceparent or _new(), known)
    _current.set(span)
    try:
        yield span
    finally:
        _current.set(outer)


@contextmanager
def span(name: str, kind: str, parent: str | None = None, **known: str) -> Iterator[Span]:
    """The block is a part of `parent`'s trace, or of the current one, or of a new one. `kind`: one of OpenTelemetry's."""
    outer = _current.get()
    if outer and parent is None:
        parent, known = outer.traceparent, outer.ids | known
    exporter = _exporter()
    if exporter is None:
        with about(parent, **known) as here:
            yield here
        return
    with (
        exporter.start(name, kind, parent, known) as exported,
        about(exporter.traceparent_of(exported), **known) as here,
    ):
        here.exported = exported
        yield here
        exported.set_attributes(here.ids)  # what became known meanwhile


def flush() -> None:
    """Send what has ended. To be called where a process ends without Python's exit."""
    if exporter := _exporter():
        exporter.flush()


def _new() -> str:
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


@cache
def _exporter() -> Any:
    """This process's exporter; None where traces are not wanted."""
    endpoint = settings().otel_endpoint
    if endpoint is None:
        return None
    from nightshift.otel import Exporter

    return Exporter(endpoint)
