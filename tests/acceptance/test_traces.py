"""One document leaves one trace, through all processes, from the sender's file to the receipts."""

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import RunningAxis, eventually
from tests.acceptance.packets import a_packet
from tests.support.collector import Collector, Told, collecting


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Collector, list[str]]:
    """A circular of G22 to H24 and H41, each agency with a worker of its own."""
    home: Path = tmp_path_factory.mktemp("traced")
    with collecting() as collector:
        options = ("--agencies", "G22,H24,H41", "--workers", "3")
        with RunningAxis(home, *options, LIENTHONG_TRACES_URL=collector.url) as axis:
            packet = a_packet(sender="G22", receivers=["H24", "H41"], number="1")
            axis.agency("G22").drop("1.edxml", packet)
            eventually(lambda: len(axis.agency("G22").inbox("statuses")) == 2)
            assert axis.interrupt() == 0
            said = axis.said().splitlines()
    return collector, [line for line in said if line.startswith("{")]


Traced = tuple[Collector, list[str]]


def test_everything_that_was_done_for_a_document_is_one_trace(traced: Traced) -> None:
    collector, _ = traced
    (submit,) = [span for span in collector.spans if span.name == "submit" and not span.failed]

    of_trace = [span for span in collector.spans if span.trace == submit.trace]

    assert len(of_trace) == len(collector.spans)
    assert {span.process for span in of_trace} == {"worker 1", "worker 2", "worker 3"}
    assert sorted(span.name for span in of_trace) == sorted(
        [
            "submit",
            *["send documents"] * 4,
            *["hand over"] * 4,
            *["process mailbox.G22.express"] * 2,
            "process mailbox.H24.standard",
            "process mailbox.H41.standard",
        ]
    )


def test_the_way_of_a_receipt_is_complete_and_in_order(traced: Traced) -> None:
    collector, _ = traced
    receipts = [
        span
        for span in collector.named("hand over")
        if collector.chain(span)[-2].name == "process mailbox.G22.express"
    ]

    for receipt in receipts:
        way = collector.chain(receipt)
        assert [span.name for span in way] == [
            "submit",
            "send documents",
            f"process mailbox.{_answering(way)}.standard",
            "send documents",
            "process mailbox.G22.express",
            "hand over",
        ]
        assert [span.began for span in way] == sorted(span.began for span in way)
        assert not any(span.failed for span in way)
        assert len({span.process for span in way}) == 2
    assert len(receipts) == 2


def test_steps_speak_the_conventions_of_messaging(traced: Traced) -> None:
    collector, _ = traced
    (process,) = collector.named("process mailbox.H24.standard")
    sent = collector.chain(process)[-2]

    key = "G22.H24.standard.document"
    assert (sent.kind, process.kind) == (4, 5)  # producer, consumer
    assert sent.attributes["messaging.system"] == "rabbitmq"
    assert sent.attributes["messaging.destination.name"] == f"documents:{key}"
    assert process.attributes["messaging.operation.type"] == "process"
    assert (
        process.attributes["messaging.destination.name"] == f"documents:{key}:mailbox.H24.standard"
    )
    assert process.attributes["messaging.message.id"] == sent.attributes["messaging.message.id"]


def test_log_lines_name_the_trace(traced: Traced) -> None:
    collector, lines = traced
    (trace,) = {span.trace.hex() for span in collector.spans}

    told = [json.loads(line) for line in lines]
    named = [line["event"] for line in told if line.get("trace") == trace]

    assert sorted(named) == ["delivery_handed_over"] * 4 + ["envelope_sent"]


def _answering(way: list[Told]) -> str:
    """Which agency a receipt's way passed."""
    (code,) = [span.name.split(".")[1] for span in way if span.name.endswith(".standard")]
    return code


def test_a_collector_that_is_away_costs_spans_and_nothing_else(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/v1/traces"

    with RunningAxis(tmp_path, "--agencies", "G22,H24", LIENTHONG_TRACES_URL=nobody) as axis:
        axis.agency("G22").drop("1.edxml", a_packet(sender="G22", receivers=["H24"], number="1"))
        eventually(lambda: axis.agency("G22").inbox("statuses"))

        assert axis.interrupt() == 0
