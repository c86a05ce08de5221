"""Traces: spans of OpenTelemetry for each document, sent to a collector by OTLP over HTTP.

This needs the optional extra `traces`, which is imported only when tracing is configured. A thread
of the library sends the spans in batches: when the collector is not available, only spans are lost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from bus.core.trace import TRACEPARENT, trace_id
from bus.ports import Attributes, Role, Span, Tracer, Untraced
from schemas.problem import AxisError
from schemas.term import term

_PATIENCE = timedelta(seconds=5)
"""How long the library tries to send a batch, also the last one at the end."""

if TYPE_CHECKING:
    from opentelemetry.trace import Span as OpenSpan
    from opentelemetry.trace import Tracer as OpenTracer


@contextmanager
def tracing(url: str | None, *, process: str) -> Iterator[Tracer]:
    """Send spans to a collector; at the exit the remaining ones are sent.

    Args:
        url: Of the collector, for example `http://127.0.0.1:4318/v1/traces`; None: no tracing.
            The `OTEL_…` environment variables of the library set the sampling.
        process: The name of this process.

    Raises:
        ConfigurationError: E_SETTING: the extra is not installed.
    """
    if url is None:
        yield Untraced()
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        cause = term("traces_extra")
        raise AxisError.of("E_SETTING", name="LIENTHONG_TRACES_URL", cause=cause) from error
    resource = Resource.create(
        {
            "service.name": "lienthong",
            "service.version": version("lienthong"),
            "service.instance.id": process,
        }
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=url, timeout=_PATIENCE.total_seconds())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield Spans(provider.get_tracer("lienthong"))
    finally:
        provider.shutdown()


class Spans:
    """The port `Tracer` over OpenTelemetry."""

    def __init__(self, tracer: "OpenTracer") -> None:
        # Imported here, because the extra is optional.
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.context import Context  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._tracer = tracer
        self._trace = trace
        self._nothing = Context()
        self._propagator = TraceContextTextMapPropagator()
        self._kinds = {
            Role.PRODUCER: trace.SpanKind.PRODUCER,
            Role.CONSUMER: trace.SpanKind.CONSUMER,
            Role.INTERNAL: trace.SpanKind.INTERNAL,
        }

    @contextmanager
    def span(self, name: str, role: Role, *, parent: str = "") -> Iterator[Span]:
        """As in the port."""
        # The context is empty, so that only the given header names the parent. Invalid headers do
        # not reach the library, because it would log a warning for each.
        headers = {TRACEPARENT: parent} if trace_id(parent) else {}
        before = self._propagator.extract(headers, self._nothing)
        begun = self._tracer.start_span(name, context=before, kind=self._kinds[role])
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, self._trace.set_span_in_context(begun, self._nothing))
        span = _Span(span=begun, traceparent=carrier[TRACEPARENT])
        try:
            yield span
        except BaseException as error:
            # Only the type: the text may quote content.
            span.failed(type(error).__name__)
            raise
        finally:
            begun.end()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Span:
    span: "OpenSpan"
    traceparent: str

    def note(self, attributes: Attributes) -> None:
        self.span.set_attributes(attributes)

    def failed(self, code: str) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        self.span.set_status(StatusCode.ERROR)
        self.span.set_attribute("error.type", code)
