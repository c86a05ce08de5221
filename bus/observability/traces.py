"""Traces: the steps of a document as OpenTelemetry spans, sent to a collector by OTLP over HTTP.

Needs the optional extra `traces`; nothing of it is imported before tracing is asked for. Spans are
handed over in batches by a thread of the library: a collector that is away costs spans, nothing
else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from bus.core.trace import TRACEPARENT, trace_id
from bus.ports import Attributes, Role, Step, Tracer, Untraced
from schemas.problem import AxisError
from schemas.term import term

_PATIENCE = timedelta(seconds=5)
"""How long a batch may take to send, also the last one at the end."""

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from opentelemetry.trace import Tracer as OpenTracer


@contextmanager
def tracing(url: str | None, *, process: str) -> Iterator[Tracer]:
    """Trace to a collector; on the way out what is left is sent.

    Args:
        url: Where OTLP is spoken, for example `http://127.0.0.1:4318/v1/traces`; None: nobody
            is told. Sampling and the like are the library's, by its `OTEL_…` variables.
        process: Which of the axis' processes this is.

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
        # Imported here, where it is known to be there.
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
    def step(self, name: str, role: Role, *, parent: str = "") -> Iterator[Step]:
        """As promised by the port."""
        # An empty context, and not that of the moment: only what is told is the parent. Hostile
        # headers do not come as far as the library, which would warn of each.
        told = {TRACEPARENT: parent} if trace_id(parent) else {}
        before = self._propagator.extract(told, self._nothing)
        span = self._tracer.start_span(name, context=before, kind=self._kinds[role])
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, self._trace.set_span_in_context(span, self._nothing))
        step = _Span(span=span, traceparent=carrier[TRACEPARENT])
        try:
            yield step
        except BaseException as error:
            # The type alone: the text may quote content.
            step.failed(type(error).__name__)
            raise
        finally:
            span.end()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Span:
    span: "Span"
    traceparent: str

    def note(self, attributes: Attributes) -> None:
        self.span.set_attributes(attributes)

    def failed(self, code: str) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        self.span.set_status(StatusCode.ERROR)
        self.span.set_attribute("error.type", code)
