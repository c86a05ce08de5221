"""`lienthong check`: what a clerk or operator sees of the signatures in a file."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unicodedata import normalize

from tests.acceptance.conftest import lienthong
from tests.acceptance.packets import a_packet
from tests.support.signed_pdfs import NOW, YEAR, Authority, blank, sign


def _trust_list(folder: Path, authority: Authority) -> Path:
    listed = folder / "trust-list"
    listed.mkdir()
    (listed / "ca.pem").write_bytes(authority.root.pem)
    return listed


def _signed(authority: Authority) -> bytes:
    identity = authority.signer(starts=NOW - YEAR, ends=datetime.now(UTC) + YEAR)
    return sign(blank(), identity, at=datetime.now(UTC) - timedelta(minutes=1))


def test_the_signer_of_a_pdf_is_shown(tmp_path: Path) -> None:
    authority = Authority()
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(_signed(authority))

    done = lienthong("check", pdf, "--trust-list", _trust_list(tmp_path, authority))

    assert done.returncode == 0, done.stderr
    shown = normalize("NFC", done.stdout.decode())
    assert "a.pdf" in shown
    assert "valid" in shown


def test_the_pdfs_of_a_packet_are_told_as_json(tmp_path: Path) -> None:
    authority = Authority()
    packet = tmp_path / "a.edxml"
    files = {"signed.pdf": _signed(authority), "blank.pdf": blank(), "a.txt": b"text"}
    packet.write_bytes(a_packet(sender="G22", receivers=["H24"], number="1", files=files))

    _trust_list(tmp_path, authority)
    done = lienthong("check", packet, "--home", tmp_path, "--json")

    assert done.returncode == 1
    told = json.loads(done.stdout)["attachments"]
    assert [(each["name"], each["legal_value"]) for each in told] == [
        ("signed.pdf", "legal_value"),
        ("blank.pdf", "reference_only"),
        ("a.txt", "reference_only"),
    ]


def test_without_a_trust_list_the_call_is_wrong(tmp_path: Path) -> None:
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(blank())

    done = lienthong("check", pdf, "--home", tmp_path / "axis")

    assert done.returncode == 2
    assert b"E_TRUST_LIST" in done.stderr


def test_a_trust_list_that_holds_something_else_is_named(tmp_path: Path) -> None:
    pdf, listed = tmp_path / "a.pdf", tmp_path / "list"
    pdf.write_bytes(blank())
    listed.mkdir()
    (listed / "odd.pem").write_text("no certificate")

    done = lienthong("check", pdf, "--trust-list", listed)

    assert done.returncode == 2
    assert b"odd.pem" in done.stderr
