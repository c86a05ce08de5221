"""Collector: a receiver of OTLP over HTTP on loopback that keeps the spans it is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, kw_only=True)
class Told:
    """A span as it was sent; times in nanoseconds."""

    process: str
    name: str
    kind: int
    trace: bytes
    id: bytes
    parent: bytes
    began: int
    ended: int
    failed: bool
    attributes: dict[str, str | int] = field(hash=False)


@dataclass(kw_only=True)
class Collector:
    """What has come so far."""

    url: str
    spans: list[Told]

    def named(self, name: str) -> list[Told]:
        """The spans of one name, in the order in which they began."""
        return sorted((s for s in self.spans if s.name == name), key=lambda span: span.began)

    def chain(self, last: Told) -> list[Told]:
        """A span and all before it, the first first."""
        known = {span.id: span for span in self.spans}
        chain = [last]
        while chain[0].parent:
            chain.insert(0, known[chain[0].parent])
        return chain


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector at work."""
    spans: list[Told] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's)
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Collector(url=f"http://127.0.0.1:{server.server_port}/v1/traces", spans=spans)
        finally:
            server.shutdown()
            thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Told]:
    for resource in request.resource_spans:
        about = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Told(
                    process=about["service.instance.id"],
                    name=span.name,
                    kind=span.kind,
                    trace=span.trace_id,
                    id=span.span_id,
                    parent=span.parent_span_id,
                    began=span.start_time_unix_nano,
                    ended=span.end_time_unix_nano,
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    attributes={
                        each.key: each.value.string_value or each.value.int_value
                        for each in span.attributes
                    },
                )
