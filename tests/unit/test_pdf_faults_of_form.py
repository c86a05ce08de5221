"""PDFs that strict readers refuse: who signed is shown, what cannot be checked is said."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from io import BytesIO

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfStrictReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from bus.pdf.examination import examine
from bus.pdf.reasons import fault_of
from schemas.language import Language
from schemas.verdict import LegalValue, PdfOutcome, PdfVerdict
from tests.support.changed_pdfs import changed
from tests.support.signed_pdfs import NOW, YEAR, Authority, blank, sign

NAME = "Ủy ban nhân dân tỉnh Ví Dụ"
HOUR = timedelta(hours=1)


@cache
def authority() -> Authority:
    return Authority()


def verdict(pdf: bytes) -> PdfVerdict:
    return examine(BytesIO(pdf), anchors=[authority().root.der], now=NOW)


def last_table(pdf: bytes) -> int:
    return int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])


def size_and_root(pdf: bytes) -> tuple[int, bytes]:
    size = max(map(int, re.findall(rb"/Size (\d+)", pdf)))
    return size, re.findall(rb"/Root (\d+ \d+ R)", pdf)[-1]


def update(pdf: bytes, entries: bytes, more: bytes = b"", body: bytes = b"") -> bytes:
    """The PDF with an update that is written by hand."""
    size, root = size_and_root(pdf)
    at = len(pdf) + len(body)
    return (
        pdf
        + body
        + b"xref\n"
        + entries
        + b"trailer\n<< /Size %d /Root %s /Prev %d %s >>\nstartxref\n%d\n%%%%EOF\n"
        % (size + 1, root, last_table(pdf), more, at)
    )


def hybrid() -> bytes:
    """A table of objects, and a stream that says more of them (ISO 32000-1, 7.5.8.4)."""
    pdf = blank()
    number, _ = size_and_root(pdf)
    stream = (
        b"%d 0 obj\n<< /Type /XRef /W [1 2 1] /Index [0 1] /Size %d /Length 4 >>\nstream\n"
        b"\0\0\0\xff\nendstream\nendobj\n" % (number, number + 1)
    )
    entry = b"%d 1\n%010d 00000 n \n" % (number, len(pdf))
    return update(pdf, entry, b"/XRefStm %d" % len(pdf), stream)


def generations() -> bytes:
    """An object of a generation that nobody freed the one before of."""
    pdf = blank()
    number, _ = size_and_root(pdf)
    body = b"%d 7 obj\n<< >>\nendobj\n" % number
    return update(pdf, b"%d 1\n%010d 00007 n \n" % (number, len(pdf)), body=body)


def dangling() -> bytes:
    """The page has a note that is not there."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        writer.root["/Lost"] = generic.IndirectObject(9999, 0, writer)
        writer.update_root()

    return changed(blank(), change)


def reused() -> bytes:
    """A later update gives the number of a stream of references to something else."""
    writer = copy_into_new_writer(PdfFileReader(BytesIO(blank())))
    writer.stream_xrefs = True
    out = BytesIO()
    writer.write(out)
    pdf = out.getvalue()
    number = max(int(each) for each in re.findall(rb"(\d+) 0 obj[^>]*/XRef", pdf))
    body = b"%d 0 obj\n<< >>\nendobj\n" % number
    return update(pdf, b"%d 1\n%010d 00000 n \n" % (number, len(pdf)), body=body)


FAULTY: dict[str, Callable[[], bytes]] = {
    "pdf_hybrid": hybrid,
    "pdf_generations": generations,
    "pdf_reused": reused,
}


@pytest.mark.parametrize(("code", "faulty"), FAULTY.items(), ids=FAULTY)
def test_who_signed_a_faulty_file_is_shown_and_what_is_not_checked_is_said(
    code: str, faulty: Callable[[], bytes]
) -> None:
    pdf = sign(faulty(), authority().signer(), at=NOW - HOUR, strict=False)

    found = verdict(pdf)

    assert found.outcome is PdfOutcome.INDETERMINATE
    assert found.legal_value is LegalValue.REFERENCE_ONLY
    [signer] = found.signers
    assert (signer.name, signer.signed_at) == (NAME, NOW - HOUR)
    assert found.reason is not None
    assert found.reason.code == code
    assert "only the signature itself" in found.reason.text(Language.ENGLISH)
    assert "chỉ xét được bản thân chữ ký" in found.reason.text(Language.VIETNAMESE)


@pytest.mark.parametrize("faulty", FAULTY.values(), ids=FAULTY)
def test_what_is_wrong_for_certain_is_said_of_a_faulty_file_too(
    faulty: Callable[[], bytes],
) -> None:
    pdf = sign(faulty(), authority().signer(), strict=False)
    stranger = sign(faulty(), Authority(common_name="CA lạ").signer(), strict=False)
    ended = authority().signer(starts=NOW - 2 * YEAR, ends=NOW - YEAR)

    assert verdict(pdf.replace(b"ReportLab", b"Reportlab")).legal_value is LegalValue.REFERENCE_ONLY
    assert verdict(pdf.replace(b"/Title", b"/Titel")).outcome is PdfOutcome.ALTERED
    assert verdict(stranger).outcome is PdfOutcome.UNTRUSTED
    assert verdict(sign(faulty(), ended, strict=False)).outcome is PdfOutcome.EXPIRED


@pytest.mark.parametrize("faulty", FAULTY.values(), ids=FAULTY)
def test_a_faulty_file_without_a_signature_is_unreadable_with_the_reason(
    faulty: Callable[[], bytes],
) -> None:
    found = verdict(faulty())

    assert found.legal_value is LegalValue.REFERENCE_ONLY
    assert found.signers == ()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Settings do not permit … hybrid-reference files.", "pdf_hybrid"),
        ("XRef stream objects must not be clobbered in strict mode.", "pdf_reused"),
        ("Object with id 19 has an orphaned generation", "pdf_generations"),
        ("Object addressed by Reference(idnum=9, generation=0) not found", "pdf_dangling"),
        ("something else", "pdf_lenient"),
    ],
)
def test_every_strictness_has_its_words(said: str, code: str) -> None:
    assert fault_of(PdfStrictReadError(said)).code == code


def encrypted(word: str) -> bytes:
    """A file that opens with this word, and whose printing is forbidden."""
    writer = copy_into_new_writer(PdfFileReader(BytesIO(blank())))
    writer.encrypt(f"{word} of its owner", word)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_file_that_opens_for_everybody_is_examined() -> None:
    assert verdict(encrypted("")).outcome is PdfOutcome.NONE


def test_a_file_that_opens_for_nobody_is_unreadable() -> None:
    found = verdict(encrypted("other"))

    assert found.outcome is PdfOutcome.UNREADABLE
    assert found.reason is not None
    assert found.reason.code == "pdf_encrypted"


def test_a_file_that_refers_to_what_is_not_there_is_shown_too() -> None:
    once = sign(dangling(), authority().signer())

    found = verdict(sign(once, authority().signer(), name="Signature2", strict=False))

    assert found.outcome is PdfOutcome.INDETERMINATE
    assert [signer.name for signer in found.signers] == [NAME, NAME]
    assert found.reason is not None
    assert found.reason.code == "pdf_dangling"
