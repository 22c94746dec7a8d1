"""Exports spans by OTLP over HTTP. The only module that imports OpenTelemetry, the `otel` extra."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from nightshift.logs import where
from nightshift.version import VERSION

Start = Callable[[str, str, str | None, Mapping[str, str]], AbstractContextManager[Span]]


def exporter(endpoint: str) -> Start:
    """What starts a span (name, kind, parent's traceparent, attributes), which is sent to `endpoint` in the background.

    The other variables of OpenTelemetry (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, ...) are read
    by its SDK.
    """
    known = Resource({"service.name": "nightshift", "service.version": VERSION})
    provider = TracerProvider(resource=known.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    tracer, context = provider.get_tracer("nightshift", VERSION), TraceContextTextMapPropagator()

    @contextmanager
    def start(name: str, kind: str, parent: str | None, attributes: Mapping[str, str]) -> Iterator[Span]:
        inside = context.extract({"traceparent": parent} if parent else {})
        silent = dict(record_exception=False, set_status_on_exception=False)  # its message may quote a customer
        with tracer.start_as_current_span(name, inside, SpanKind[kind], attributes, None, None, **silent) as span:
            try:
                yield span
            except BaseException as error:
                fail(span, error)
                raise

    return start


def traceparent_of(span: Span) -> str:
    """As it is kept in a row."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def fail(span: Span, error: BaseException) -> None:
    """Its class and place."""
    span.set_status(Status(StatusCode.ERROR, where(error)))
