"""`lienthong convert`: the result alone on stdout, warnings on stderr, attachments as files."""

import json
from pathlib import Path

from tests.acceptance.conftest import lienthong
from tests.acceptance.packets import a_packet, a_status

FILES = {"phu-luc.txt": "Phụ lục\n".encode() * 9, "bảng kê.txt": b"so hieu\n"}


def _written(folder: Path, content: bytes, name: str = "a.edxml") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_json_alone_on_stdout_and_attachments_as_files(tmp_path: Path) -> None:
    packet = _written(tmp_path, a_packet(sender="G22", receivers=["H24"], number="1", files=FILES))

    done = lienthong("convert", packet, "--to", "json", "--attachments", tmp_path / "out")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["document"]["subject"] == "V/v rà soát danh mục mẫu"
    assert done.stderr == b""
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == FILES


def test_edxml_to_json_to_edxml_is_the_same_document(tmp_path: Path) -> None:
    packet = _written(tmp_path, a_packet(sender="G22", receivers=["H24"], number="1", files=FILES))
    files = tmp_path / "out"

    first = lienthong("convert", packet, "--to", "json", "--attachments", files)
    written = _written(tmp_path, first.stdout, "a.json")
    back = lienthong("convert", written, "--to", "edxml", "--attachments", files)
    again = lienthong("convert", _written(tmp_path, back.stdout, "b.edxml"), "--to", "json")

    assert back.returncode == 0, back.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout)


def test_a_status_is_converted(tmp_path: Path) -> None:
    status = _written(tmp_path, a_status(sender="H24", addressee="G22", number="1", code="06"))

    done = lienthong("convert", status, "--from", "edxml", "--to", "json")

    assert json.loads(done.stdout)["status"]["code"] == "06"


def test_a_repair_is_a_warning_on_stderr(tmp_path: Path) -> None:
    packet = a_packet(sender="G22", receivers=["H24"], number="1")

    done = lienthong("convert", _written(tmp_path, b"1212" + packet), "--to", "edxml")

    assert done.returncode == 0
    assert b"W_LEADING_JUNK" in done.stderr
    assert done.stdout.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')


def test_a_refusal_names_code_line_and_reason_and_exits_1(tmp_path: Path) -> None:
    packet = a_packet(sender="G22", receivers=["H24"], number="1")
    broken = packet.replace(b"</edXML:Subject>", b"</Subject>")

    done = lienthong("convert", _written(tmp_path, broken), "--to", "json")

    assert done.returncode == 1
    assert done.stdout == b""
    assert b"E_NOT_WELL_FORMED (line " in done.stderr
