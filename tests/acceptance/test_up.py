"""`lienthong up` as agencies' systems see it: folder to folder on a real broker."""

import io
import json
from functools import partial
from pathlib import Path

from adapters.contract import Limits
from adapters.formats.edxml import EdxmlFormat
from bus.memory.attachments import MemoryAttachments
from schemas.document import Document
from schemas.status import StatusReport
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet, a_status
from tests.support.envelopes import NOW

FILES = {"phu-luc.txt": "Phụ lục\n".encode() * 1000, "bảng kê.txt": b"\x00\x01" * 500}


def _read(path: Path) -> tuple[Document | StatusReport, MemoryAttachments]:
    store = MemoryAttachments()
    reading = EdxmlFormat().read(
        io.BytesIO(path.read_bytes()), sink=store, limits=Limits(), today=NOW.date()
    )
    return reading.message, store


def _arrived(axis: RunningAxis, code: str, number: str) -> list[Path]:
    return [path for path in axis.agency(code).inbox() if f"_{number}-VB_" in path.name]


def _statuses(axis: RunningAxis, code: str, status: str, number: str) -> list[Path]:
    inbox = axis.agency(code).inbox("statuses")
    return [path for path in inbox if f"_{status}_{number}-VB_" in path.name]


def test_a_document_arrives_with_its_files_and_a_signed_receipt_comes_back(
    axis: RunningAxis,
) -> None:
    packet = a_packet(sender="G22", receivers=["H24", "000.00.00.H41"], number="1", files=FILES)

    axis.agency("G22").drop("one.edxml", packet)

    for code in ("H24", "H41"):
        [path] = eventually(partial(_arrived, axis, code, "1"))
        document, store = _read(path)
        assert isinstance(document, Document)
        contents = [store.open(a.sha256).read() for a in document.attachments]
        assert contents == list(FILES.values())
    eventually(lambda: len(_statuses(axis, "G22", "01", "1")) == 2)
    receipts = _statuses(axis, "G22", "01", "1")
    reports = [_read(path)[0] for path in receipts]
    assert {r.from_agency.organ_id for r in reports} == {"H24", "000.00.00.H41"}
    assert axis.agency("G22").sent("one.edxml")


def test_a_status_file_travels_back_to_the_sender(axis: RunningAxis) -> None:
    axis.agency("G22").drop("two.edxml", a_packet(sender="G22", receivers=["H24"], number="2"))
    eventually(lambda: _arrived(axis, "H24", "2"))

    axis.agency("H24").drop("03.edxml", a_status(sender="H24", addressee="G22", number="2"))

    [path] = eventually(lambda: _statuses(axis, "G22", "03", "2"))
    report, _ = _read(path)
    assert isinstance(report, StatusReport)
    assert report.code == "03"


def test_a_stranger_may_not_report_on_a_known_document(axis: RunningAxis) -> None:
    axis.agency("G22").drop("three.edxml", a_packet(sender="G22", receivers=["H24"], number="3"))
    eventually(lambda: _arrived(axis, "H24", "3"))

    axis.agency("H41").drop("bad.edxml", a_status(sender="H41", addressee="G22", number="3"))

    report = eventually(lambda: axis.agency("H41").refusal("bad.edxml"))
    assert report["problems"][0]["code"] == "E_STATUS_NOT_PARTY"


def test_an_unknown_receiver_is_refused_in_both_languages(axis: RunningAxis) -> None:
    axis.agency("G22").drop("four.edxml", a_packet(sender="G22", receivers=["Z99"], number="4"))

    report = eventually(lambda: axis.agency("G22").refusal("four.edxml"))

    [problem] = report["problems"]
    assert problem["code"] == "E_UNKNOWN_RECEIVER"
    assert set(problem["text"]) == {"en", "vi"}
    assert not axis.agency("G22").sent("four.edxml")


def test_one_unknown_receiver_does_not_hold_up_the_others(axis: RunningAxis) -> None:
    packet = a_packet(sender="G22", receivers=["Z99", "H24"], number="5")

    axis.agency("G22").drop("five.edxml", packet)

    eventually(lambda: _arrived(axis, "H24", "5"))
    report = eventually(lambda: axis.agency("G22").refusal("five.edxml"))
    assert report["sent_to_other_receivers"] is True
    assert axis.agency("G22").sent("five.edxml")


def test_a_broken_file_is_refused_with_its_line(axis: RunningAxis) -> None:
    packet = a_packet(sender="G22", receivers=["H24"], number="6")

    axis.agency("G22").drop("six.edxml", packet.replace(b"</edXML:Subject>", b"</Subject>"))

    report = eventually(lambda: axis.agency("G22").refusal("six.edxml"))
    [problem] = report["problems"]
    assert problem["code"] == "E_NOT_WELL_FORMED"
    assert problem["place"]["line"] >= 1


def test_a_system_may_not_send_in_anothers_name(axis: RunningAxis) -> None:
    axis.agency("G22").drop("seven.edxml", a_packet(sender="H41", receivers=["H24"], number="7"))

    report = eventually(lambda: axis.agency("G22").refusal("seven.edxml"))

    assert report["problems"][0]["code"] == "E_SENDER_UNKNOWN"


def test_the_same_document_dropped_twice_is_handed_over_once(axis: RunningAxis) -> None:
    packet = a_packet(sender="G22", receivers=["H24"], number="8")

    for name in ("eight.edxml", "eight-again.edxml", "after.edxml"):
        content = (
            packet if "eight" in name else a_packet(sender="G22", receivers=["H24"], number="9")
        )
        axis.agency("G22").drop(name, content)
        eventually(partial(axis.agency("G22").sent, name))

    eventually(lambda: _arrived(axis, "H24", "9"))
    assert len(_arrived(axis, "H24", "8")) == 1


def test_a_unit_is_served_by_its_nearest_connected_superior(axis: RunningAxis) -> None:
    added = lienthong(
        "agency", "add", "H24.07", "--name", "Sở Ví Dụ", "--parent", "H24", "--home", axis.home
    )
    assert added.returncode == 0, added.stderr
    packet = a_packet(sender="G22", receivers=["000.00.07.H24"], number="10")

    # The running axis takes the directory up by itself; until then the receiver is unknown.
    def is_sent() -> bool:
        axis.agency("G22").drop("unit.edxml", packet)
        eventually(lambda: not (axis.agency("G22").path / "outbox" / "unit.edxml").exists())
        return axis.agency("G22").sent("unit.edxml")

    eventually(is_sent)
    eventually(lambda: _arrived(axis, "H24", "10"))


def test_an_agency_connected_while_running_gets_the_format_it_reads(tmp_path: Path) -> None:
    with RunningAxis(tmp_path) as running:
        added = lienthong(
            *("agency", "add", "X01", "--name", "Cơ quan Ví Dụ", "--connected"),
            *("--format", "json", "--home", tmp_path),
        )
        assert added.returncode == 0, added.stderr
        eventually((tmp_path / "agencies" / "X01" / "inbox" / "documents").is_dir)

        packet = a_packet(sender="G22", receivers=["X01"], number="1")
        running.agency("G22").drop("a.edxml", packet)

        [path] = eventually(running.agency("X01").inbox)
        assert path.suffix == ".json"
        assert json.loads(path.read_bytes())["document"]["number"] == "1"


def test_send_waits_for_the_outcome(axis: RunningAxis, tmp_path: Path) -> None:
    file = tmp_path / "letter.edxml"
    file.write_bytes(a_packet(sender="G22", receivers=["H24"], number="11"))
    unknown = tmp_path / "unknown.edxml"
    unknown.write_bytes(a_packet(sender="G22", receivers=["Z99"], number="12"))

    sent = lienthong("send", file, "--as", "G22", "--home", axis.home)
    refused = lienthong("send", unknown, "--as", "G22", "--home", axis.home)

    assert (sent.returncode, refused.returncode) == (0, 1)
    assert b"E_UNKNOWN_RECEIVER" in refused.stdout


def test_ctrl_c_drains_and_stops_cleanly(tmp_path: Path) -> None:
    with RunningAxis(tmp_path, "--agencies", "G22,H24") as running:
        packet = a_packet(sender="G22", receivers=["H24"], number="1")
        running.agency("G22").drop("a.edxml", packet)
        eventually(running.agency("H24").inbox)

        assert running.interrupt() == 0
        assert not (tmp_path / "running.json").exists()


def test_a_file_of_an_agency_that_is_not_served_here_waits_and_says_why(
    hub: RunningAxis, tmp_path: Path
) -> None:
    file = tmp_path / "letter.edxml"
    file.write_bytes(a_packet(sender="G05", receivers=["H24"], number="77"))

    waits = lienthong("send", file, "--as", "G05", "--wait", "1", "--home", hub.home)

    assert waits.returncode == 3
    assert b"no adapter" in waits.stderr
