"""`lienthong convert`: the result alone on stdout, warnings on stderr, attachments as files."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from tests.acceptance.conftest import lienthong
from tests.acceptance.packets import a_packet, a_status
from tests.support.strangers import install

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


def _beside(folder: Path, names: Sequence[str]) -> Path:
    """A canonical JSON file whose attachments are called so; their contents lie in `files`."""
    files = folder / "files"
    files.mkdir()
    attachments = []
    for number, name in enumerate(names):
        content = b"content %d" % number
        (files / f"content-{number}").write_bytes(content)
        digest = sha256(content).hexdigest()
        attachments.append(
            {"name": name, "media_type": "text/plain", "size": len(content), "sha256": digest}
        )
    document = {
        "from_agency": {"organ_id": "G22"},
        "to_agencies": [{"organ_id": "H24"}],
        "document_id": "G22,1",
        "attachments": attachments,
    }
    said = {"format": "lienthong.document", "version": "1.0", "document": document}
    return _written(folder, json.dumps(said).encode(), "a.json")


@pytest.mark.parametrize("name", ["../../../evil.sh", "/evil.sh", "..", "a\x00b", "x\u202efdp.sh"])
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str
) -> None:
    file = _beside(tmp_path, ["good.txt", name])
    before = set(tmp_path.rglob("*"))

    done = lienthong("convert", file, "--to", "edxml", "--attachments", tmp_path / "files")

    assert (done.returncode, done.stdout) == (1, b"")
    assert b"E_ATTACHMENT_NAME" in done.stderr or b"E_SCHEMA" in done.stderr
    assert set(tmp_path.rglob("*")) == before


def test_names_of_full_length_and_of_one_spelling_are_told_apart(tmp_path: Path) -> None:
    long = "ề" * 83 + "xx.txt"
    file = _beside(tmp_path, [long, long, "a.txt", "A.txt", "a.txt"])

    done = lienthong("convert", file, "--to", "json", "--attachments", tmp_path / "files")

    assert done.returncode == 0, done.stderr
    put = {path.name for path in (tmp_path / "files").iterdir() if "content" not in path.name}
    assert len(put) == 5
    assert long in put
    assert {"a.txt", "A-2.txt", "a-3.txt"} <= put
    assert all(len(name.encode()) <= 255 for name in put)


def test_neither_another_file_nor_the_target_of_a_link_is_written_over(tmp_path: Path) -> None:
    file = _beside(tmp_path, ["first.txt", "second.txt"])
    files, victim = tmp_path / "files", tmp_path / "victim"
    victim.write_bytes(b"mine")

    def put_a_file(path: Path) -> None:
        path.write_bytes(b"mine")

    def put_a_link(path: Path) -> None:
        path.symlink_to(victim)

    for put in (put_a_file, put_a_link):
        put(files / "second.txt")

        done = lienthong("convert", file, "--to", "json", "--attachments", files)

        assert (done.returncode, done.stdout) == (1, b"")
        assert b"E_OUTPUT_EXISTS" in done.stderr
        assert not (files / "first.txt").exists()
        assert victim.read_bytes() == b"mine"
        (files / "second.txt").unlink()

    again = [lienthong("convert", file, "--to", "json", "--attachments", files) for _ in "12"]
    assert [done.returncode for done in again] == [0, 0]


@pytest.mark.parametrize("to", ["json", "edxml"])
def test_what_a_terminal_would_obey_is_escaped_and_says_the_same(tmp_path: Path, to: str) -> None:
    hostile = "V/v \u202e147\u2066 rà soát\x85\x9b2J"
    packet = a_packet(sender="G22", receivers=["H24"], number="1", subject=hostile)

    first = lienthong("convert", _written(tmp_path, packet), "--to", to)
    again = lienthong("convert", _written(tmp_path, first.stdout, f"b.{to}"), "--to", "json")

    assert not set((first.stdout + first.stderr).decode()) & set("\u202e\u2066\x85\x9b")
    assert json.loads(again.stdout)["document"]["subject"] == hostile


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1258"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_under_any_locale_files_have_their_names_and_json_is_utf_8(
    tmp_path: Path, locale: dict[str, str]
) -> None:
    packet = _written(tmp_path, a_packet(sender="G22", receivers=["H24"], number="1", files=FILES))

    done = lienthong("convert", packet, "--to", "json", "--attachments", tmp_path / "o", **locale)

    assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir()} == FILES
    assert json.loads(done.stdout.decode("utf-8"))["document"]["subject"].startswith("V/v rà soát")


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


def test_every_installed_format_is_read_and_written(tmp_path: Path) -> None:
    strangers = str(tmp_path / "strangers")
    install(tmp_path / "strangers")
    packet = _written(tmp_path, a_packet(sender="G22", receivers=["H24"], number="1"))

    done = lienthong("convert", packet, "--to", "misbehaving", PYTHONPATH=strangers)
    back = lienthong(
        "convert",
        _written(tmp_path, done.stdout, "a.bin"),
        *("--from", "misbehaving", "--to", "edxml"),
        PYTHONPATH=strangers,
    )
    unknown = lienthong("convert", packet, "--to", "nothing", PYTHONPATH=strangers)

    assert done.returncode == 0, done.stderr
    assert (back.returncode, back.stdout) == (0, packet.read_bytes())
    assert unknown.returncode == 2
    assert b"edxml, json, misbehaving" in unknown.stderr


def test_a_format_that_fails_is_named_with_its_line_and_not_its_content(tmp_path: Path) -> None:
    install(tmp_path / "strangers")
    install(tmp_path / "strangers", name="broken", code="import a_module_that_is_not_there")
    file = _written(tmp_path, b"MISBEHAVE raise", "a.mis")

    done = lienthong("convert", file, "--to", "json", PYTHONPATH=str(tmp_path / "strangers"))

    assert (done.returncode, done.stdout) == (1, b"")
    for said in (b"E_INTERNAL", b"KeyError", b"a_misbehaving_format:", b"a_module_that_is_not"):
        assert said in done.stderr
    assert b"secret" not in done.stderr
    assert b"Traceback" not in done.stderr
