"""Exports spans by OTLP over HTTP. The only module that imports OpenTelemetry, the `otel` extra."""

import atexit
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from nightshift.errors import TemporaryError
from nightshift.logs import where
from nightshift.server_errors import log_server_error
from nightshift.version import VERSION

EXPORT_SECONDS = 2.0  # for one batch, retries included; a stop waits no longer than that
LOST = "The collector at OTEL_EXPORTER_OTLP_ENDPOINT takes no spans."


class _LoggingExporter(OTLPSpanExporter):
    """Logs a collector that is away once, not for each attempt."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        if result is not SpanExportResult.SUCCESS:
            log_server_error("spans lost", TemporaryError(LOST))
        return result


class Exporter:
    """Sends spans to `endpoint` in the background, beginning in the process that makes it.

    The other variables of OpenTelemetry (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, ...) are read
    by its SDK.
    """

    def __init__(self, endpoint: str) -> None:
        known = Resource({"service.name": "nightshift", "service.version": VERSION})
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        known = known.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=known, shutdown_on_exit=False)
        exporter = _LoggingExporter(f"{endpoint}/v1/traces", timeout=EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        atexit.register(self.flush)
        self._tracer = self._provider.get_tracer("nightshift", VERSION)
        self._context = TraceContextTextMapPropagator()

    @contextmanager
    def start(self, name: str, kind: str, parent: str | None, attributes: Mapping[str, str]) -> Iterator[Span]:
        """A span, a part of the trace of `parent`."""
        inside = self._context.extract({"traceparent": parent} if parent else {})
        silent = dict(record_exception=False, set_status_on_exception=False)  # its message may quote a customer
        with self._tracer.start_as_current_span(name, inside, SpanKind[kind], attributes, None, None, **silent) as span:
            try:
                yield span
            except BaseException as error:
                self.fail(span, error)
                raise

    def traceparent_of(self, span: Span) -> str:
        """As it is kept in a row."""
        context = span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def fail(self, span: Span, error: BaseException) -> None:
        """The span ended with this error: its class and place."""
        span.set_status(Status(StatusCode.ERROR, where(error)))

    def flush(self) -> None:
        """Send what has ended. To be called where a process ends without Python's exit."""
        flushing = Thread(target=self._provider.force_flush, daemon=True)
        flushing.start()
        flushing.join(EXPORT_SECONDS)
