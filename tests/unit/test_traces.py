"""Steps become spans, and what fails and is retried stays one trace."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adapters.contract import Offer, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from bus.core.dead_letters.retry import RetryPolicy
from bus.core.events import DeliveryHandedOver, EnvelopeSent
from bus.core.trace import trace_id
from bus.observability.traces import Spans
from bus.ports import Role
from bus.store.dead_letters.letters import SqlDeadLetters
from schemas.errors import FailureClass
from schemas.problem import AxisError
from schemas.term import foreign
from tests.acceptance.packets import a_packet
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.stores import letters_in
from tests.support.two_agencies import TwoAgencies, eventually

_OURS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class _Recorder:
    """A tracer, and the spans that have ended."""

    def __init__(self) -> None:
        self._memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._memory))
        self.tracer = Spans(provider.get_tracer("test"))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._memory.get_finished_spans()

    def way_to(self, last: ReadableSpan) -> list[str]:
        """The names of a span and all before it, the first first."""
        known = {span.context.span_id: span for span in self.spans if span.context}
        names, span = [last.name], last
        while span.parent is not None:
            span = known[span.parent.span_id]
            names.insert(0, span.name)
        return names


class _AiltOnce(FolderEndpoint):
    """A system that gives no answer about the first document, as often as it is asked in a row."""

    asked = 0

    async def offer(self, parcel: Parcel) -> Offer:
        type(self).asked += parcel.kind is ParcelKind.DOCUMENT
        if parcel.kind is ParcelKind.DOCUMENT and self.asked <= 3:
            raise AxisError.of("E_ENDPOINT_DOWN", agency=RECIPIENT, cause=foreign("time-out"))
        return await super().offer(parcel)


async def test_a_retry_goes_on_with_the_trace_of_what_failed(tmp_path: Path) -> None:
    recorder, letters = _Recorder(), letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path, endpoint=type("AiltOnce", (_AiltOnce,), {}))
    axis.parts = replace(axis.parts, tracer=recorder.tracer)
    soon = RetryPolicy(schedules={FailureClass.RECIPIENT_DOWN: (timedelta(),)})

    async with axis.running(axis.handler(letters, policy=soon)):
        axis.drop(SENDER, "1.edxml", a_packet(sender=SENDER, receivers=[RECIPIENT], number="1"))
        await eventually(lambda: axis.statuses(SENDER))

    (submit,) = [span for span in recorder.spans if span.name == "submit"]
    failed, delivered = (
        span for span in recorder.spans if span.name == f"process mailbox.{RECIPIENT}.standard"
    )
    assert recorder.way_to(failed) == ["submit", "send documents", failed.name]
    assert recorder.way_to(delivered) == [
        *recorder.way_to(failed),
        "send redelivery",
        delivered.name,
    ]
    assert (failed.attributes or {})["error.type"] == "E_ENDPOINT_DOWN"
    assert {span.context.trace_id for span in recorder.spans if span.context} == {
        submit.context.trace_id if submit.context else 0
    }


async def test_events_name_the_trace_they_belong_to(tmp_path: Path) -> None:
    recorder = _Recorder()
    axis = TwoAgencies(tmp_path)
    axis.parts = replace(axis.parts, tracer=recorder.tracer)

    async with axis.running():
        axis.drop(SENDER, "1.edxml", a_packet(sender=SENDER, receivers=[RECIPIENT], number="1"))
        await eventually(lambda: axis.statuses(SENDER))

    (sent,) = axis.of_type(EnvelopeSent)
    handed_over = axis.of_type(DeliveryHandedOver)
    assert {each.trace for each in handed_over} == {sent.trace}
    assert sent.trace is not None


async def test_untraced_work_names_no_trace(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)

    async with axis.running():
        axis.drop(SENDER, "1.edxml", a_packet(sender=SENDER, receivers=[RECIPIENT], number="1"))
        await eventually(lambda: axis.statuses(SENDER))

    (sent,) = axis.of_type(EnvelopeSent)
    assert [sent.trace, *(each.trace for each in axis.of_type(DeliveryHandedOver))] == [None] * 3


def test_a_step_with_a_parent_goes_on_with_its_trace() -> None:
    with _Recorder().tracer.span("next", Role.INTERNAL, parent=_OURS) as span:
        assert trace_id(span.traceparent) == trace_id(_OURS)
        assert span.traceparent != _OURS


@given(header=st.text() | st.from_regex(r"\A00-0+-[0-9a-f]{16}-0[01]\Z"))
def test_a_header_that_is_no_traceparent_begins_a_trace_of_its_own(header: str) -> None:
    with _Recorder().tracer.span("first", Role.INTERNAL, parent=header) as span:
        assert trace_id(header) is None
        assert trace_id(span.traceparent) is not None
