"""What a recipient is told of signatures, on the whole path over the in-memory bus."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

from adapters.contract import MIB, AttachmentSource
from adapters.formats.canonical_json import CanonicalJsonFormat
from adapters.formats.edxml.signing import HeaderSigner, sign_packet
from bus.pdf.checker import ProcessPdfChecker
from bus.services.signature_check import SignatureCheck
from schemas.verdict import PdfVerdict
from tests.acceptance.packets import a_packet
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.signed_pdfs import NOW, Authority, blank, sign
from tests.support.two_agencies import TwoAgencies, eventually
from tests.unit.formats.test_edxml_signature import certificate_for, rsa_key

PDF_NAME = "cong-van.pdf"


@cache
def authority() -> Authority:
    return Authority()


@cache
def signed() -> bytes:
    return sign(blank(), authority().signer(), at=NOW - timedelta(hours=1))


def letter(**files: bytes) -> bytes:
    named = {name.replace("_", "."): content for name, content in files.items()}
    return a_packet(sender=SENDER, receivers=[RECIPIENT], number="1", files=named)


def signed_letter() -> bytes:
    """With a header signature of the sender's own."""
    signer = HeaderSigner(private_key=rsa_key(), certificate=certificate_for(rsa_key()))
    written = BytesIO(letter())
    return b"".join(sign_packet(iter(written.readline, b""), signer, most_bytes=MIB))


@contextmanager
def checked(axis: TwoAgencies, **changes: object) -> Iterator[ProcessPdfChecker]:
    """The axis with a trust list."""
    pdfs = ProcessPdfChecker(anchors=[authority().root.der], clock=lambda: NOW)
    signature_check = SignatureCheck(pdfs=pdfs, **changes)  # type: ignore[arg-type]
    axis.parts = replace(axis.parts, signature_check=signature_check)
    yield pdfs


async def arrived(axis: TwoAgencies, content: bytes) -> list[str]:
    """The names in the recipient's inbox after a letter was sent."""
    async with axis.running():
        axis.drop(SENDER, "a.edxml", content)
        await eventually(lambda: axis.statuses(SENDER))
    return axis.documents(RECIPIENT)


def note(axis: TwoAgencies, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        (axis.folder(RECIPIENT) / "inbox/documents" / name).read_bytes()
    )
    return found


async def test_the_verdict_lies_beside_the_packet(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    with checked(axis) as pdfs:
        names = await arrived(axis, letter(signed_pdf=signed(), blank_pdf=blank(), a_txt=b"text"))
        await pdfs.close()

    [packet, beside] = sorted(names)
    assert beside == f"{packet}.check.json"
    told = note(axis, beside)
    assert told["format"] == "lienthong.check"
    assert [
        (each["name"], each["outcome"], each["legal_value_text"]["vi"])
        for each in told["attachments"]  # type: ignore[attr-defined]
    ] == [
        ("signed.pdf", "valid", "có giá trị pháp lý"),
        ("blank.pdf", "none", "chỉ để tham khảo"),
        ("a.txt", "none", "chỉ để tham khảo"),
    ]
    [signer] = told["attachments"][0]["signers"]  # type: ignore[index]
    assert signer["name"] == "Ủy ban nhân dân tỉnh Ví Dụ"
    assert signer["signed_at"].endswith("Z")


async def test_an_altered_pdf_is_delivered_and_the_recipient_is_told(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    altered = signed().replace(b"/MediaBox", b"/MediaBoy", 1)
    with checked(axis) as pdfs:
        names = await arrived(axis, letter(a_pdf=altered))
        await pdfs.close()

    told = note(axis, next(name for name in names if name.endswith(".check.json")))
    assert told["attachments"][0]["outcome"] == "altered"  # type: ignore[index]
    assert axis.failures == []


async def test_canonical_json_has_a_place_for_the_verdict_inside(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    with checked(axis) as pdfs:
        axis.parts = replace(axis.parts, written_in=CanonicalJsonFormat())
        names = await arrived(axis, letter(a_pdf=signed()))
        await pdfs.close()

    [name] = names
    file = note(axis, name)
    assert list(file) == ["format", "version", "document", "check", "contents"]
    assert file["check"]["attachments"][0]["legal_value"] == "legal_value"  # type: ignore[index]


async def test_a_verified_header_signature_is_told_beside_the_original(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    packet = signed_letter()
    names = await arrived(axis, packet)

    [name, beside] = sorted(names)
    told = note(axis, beside)["header_signature"]
    assert (axis.folder(RECIPIENT) / "inbox/documents" / name).read_bytes() == packet
    assert told["outcome"] == "verified"  # type: ignore[index]
    assert told["signer"] == "CN=Văn thư tỉnh Ví Dụ"  # type: ignore[index]


async def test_an_invalid_header_signature_is_told_beside_the_packet(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    names = await arrived(axis, signed_letter().replace("rà soát".encode(), "bãi bỏ".encode()))

    told = note(axis, sorted(names)[1])["header_signature"]
    assert told["outcome"] == "invalid"  # type: ignore[index]


async def test_without_a_trust_list_nothing_is_said(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)

    assert len(await arrived(axis, letter(a_pdf=signed()))) == 1


async def test_a_check_that_takes_too_long_does_not_keep_a_document_back(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    axis.parts = replace(
        axis.parts,
        signature_check=SignatureCheck(pdfs=Endless(), most_time=timedelta(milliseconds=20)),
    )
    names = await arrived(axis, letter(a_pdf=signed(), b_pdf=blank()))

    told = note(axis, next(name for name in names if name.endswith(".check.json")))
    outcomes = [each["outcome"] for each in told["attachments"]]  # type: ignore[attr-defined]
    assert outcomes == ["not_checked", "not_checked"]


class Endless:
    """A checker that never comes to an end."""

    async def check(self, sha256: str, size: int, *, files: AttachmentSource) -> PdfVerdict:  # noqa: ARG002
        await asyncio.Event().wait()
        raise AssertionError
