"""The name of an attachment leads nowhere and looks like what it is, whoever chose it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import AttachmentSink, Limits, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from adapters.formats.attachment_name import safe_name
from adapters.formats.canonical_json import CanonicalJsonFormat
from bus.core.events import SubmissionRefused
from bus.core.signing import sign, verify
from bus.core.stream import keep
from bus.core.wire import body_of, open_envelope
from bus.memory.attachments import MemoryAttachments
from schemas.document import Document
from schemas.envelope import Envelope
from schemas.file_name import is_plain_name, shown
from schemas.identifiers import DeliveryId
from schemas.problem import DocumentError
from schemas.reading import Reading
from tests.support.builders import PDF, attachment
from tests.support.envelopes import NOW, SENDER, Signers, a_document, an_envelope
from tests.support.folders import context_of
from tests.support.two_agencies import TwoAgencies, eventually

SIGNERS = Signers()

PLAIN = (
    "a.pdf",
    "147.signed.PDF",
    "Công văn số 7 (bản sao).pdf",
    "a..b.pdf",
    "x" * 251 + ".pdf",
    "no extension",
    "V-v: rà soát?.docx",
    "12:30.pdf",
)
BAD = (
    "",
    ".",
    "..",
    "../../../evil.sh",
    "/etc/passwd",
    "a/b.pdf",
    "..\\..\\evil.exe",
    "C:\\Windows\\evil.exe",
    "C:evil.exe",
    "z:.pdf",
    ".bashrc",
    ".ssh",
    "a\x00.pdf",
    "a\n.pdf",
    "a\x1b[31m.pdf",
    "a\x85.pdf",
    "a\u2028.pdf",
    "fdp\u202etxt.exe",
    "a\u200b.pdf",
    "\ufeffa.pdf",
    "a\u2066.pdf",
    "Va\u0306n.pdf",
    " a.pdf",
    "a.pdf ",
    "a.pdf\u00a0",
    "x" * 256,
    "ề" * 86,
)


@pytest.mark.parametrize("name", PLAIN)
def test_an_honest_name_is_plain(name: str) -> None:
    assert is_plain_name(name)


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_name_that_leads_elsewhere_hides_or_misleads_is_not(name: str) -> None:
    assert not is_plain_name(name)


@given(raw=st.text(max_size=300) | st.text("./\\: aZ\u0306\u202e\n\u00a0\u3000", max_size=20))
def test_every_name_that_our_formats_make_is_plain(raw: str) -> None:
    assert is_plain_name(safe_name(raw, PDF))


@given(name=st.text(max_size=50) | st.text(":\\/.aZ", max_size=6))
def test_a_plain_name_stays_in_its_folder(name: str) -> None:
    folder = Path("/inbox")
    if is_plain_name(name):
        assert (folder / name).parent == folder
        assert (folder / name).resolve().is_relative_to(folder)
        # Most recipients' systems run on Windows.
        assert (PureWindowsPath("D:/inbox") / name).parent == PureWindowsPath("D:/inbox")


def test_a_name_in_front_of_which_a_disk_stands_loses_nothing_but_that() -> None:
    assert safe_name("C:a.pdf", PDF) == "C-a.pdf"


def test_what_cannot_be_seen_of_a_name_is_told() -> None:
    assert shown("fdp\u202etxt\n.exe") == "fdp<U+202E>txt<U+000A>.exe"


def _envelope(name: str) -> Envelope:
    file = attachment("a.pdf", PDF).model_copy(update={"name": name})
    return an_envelope(a_document(attachments=(file,)))


def _opened(envelope: Envelope) -> Envelope:
    """What a recipient makes of an envelope whose sender's worker signs what it likes."""
    body = envelope.to_json()
    signature = sign(body, key=SIGNERS.key(SENDER), now=NOW)
    return open_envelope(verify(body, signature, keys=SIGNERS.ring, now=NOW))


@pytest.mark.parametrize("name", [name for name in BAD if name], ids=ascii)
@pytest.mark.parametrize("side", [body_of, _opened], ids=["sender", "recipient"])
def test_another_name_is_neither_signed_nor_taken(
    side: Callable[[Envelope], object], name: str
) -> None:
    with pytest.raises(DocumentError) as refused:
        side(_envelope(name))

    problem = refused.value.problem
    assert (problem.code, problem.place.field) == (
        "E_ATTACHMENT_NAME",
        "document.attachments.0.name",
    )
    assert problem.params["name"].isprintable() or "\xa0" in name


class _Misnaming(CanonicalJsonFormat):
    """A third party's format: it believes the names in a file."""

    def read(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> Reading:
        reading = super().read(source, sink=sink, limits=limits, today=today)
        assert isinstance(reading.message, Document)
        renamed = tuple(
            file.model_copy(update={"name": "../../../evil.sh"})
            for file in reading.message.attachments
        )
        message = reading.message.model_copy(update={"attachments": renamed})
        return reading.model_copy(update={"message": message})


async def test_what_a_format_misnames_is_refused_with_its_reason_and_nothing_is_kept(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path)
    axis.parts = replace(axis.parts, format=_Misnaming())
    letter = a_document(attachments=(attachment("a.pdf", PDF),))
    source = MemoryAttachments()
    keep(BytesIO(PDF), source)
    written = b"".join(CanonicalJsonFormat().write(letter, attachments=source, written_at=NOW))
    async with axis.running():
        axis.drop(SENDER, "a.json", written)

        await eventually(lambda: axis.of_type(SubmissionRefused))

    (refused,) = axis.of_type(SubmissionRefused)
    assert [problem.code for problem in refused.problems] == ["E_ATTACHMENT_NAME"]
    assert not axis.parts.attachments.has(sha256(PDF).hexdigest())


@pytest.mark.parametrize("name", ["../out.edxml", "../../sent/a", "/evil/a", "..", ".", "a\0b", ""])
def test_a_parcel_never_leaves_its_inbox(tmp_path: Path, name: str) -> None:
    endpoint = FolderEndpoint(context_of(tmp_path / "H24"))
    before = sorted(tmp_path.rglob("*"))
    parcel = Parcel(
        delivery_id=DeliveryId("d1"), kind=ParcelKind.DOCUMENT, name=name, chunks=(b"content",)
    )

    with pytest.raises(ValueError, match="not the name of a file"):
        asyncio.run(endpoint.offer(parcel))

    assert sorted(tmp_path.rglob("*")) == before
