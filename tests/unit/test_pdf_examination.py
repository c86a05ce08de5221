"""What the signatures in a PDF prove: PDFs are signed here, and then something happens to them."""

import random
import re
from datetime import timedelta
from functools import cache
from io import BytesIO

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.validation import DocumentSecurityStore

from bus.pdf.examination import examine
from schemas.term import term
from schemas.verdict import LegalValue, PdfOutcome, PdfVerdict
from tests.support.signed_pdfs import NOW, YEAR, Authority, blank, sign

NAME = "Ủy ban nhân dân tỉnh Ví Dụ"
HOUR = timedelta(hours=1)


@cache
def authority() -> Authority:
    return Authority()


@cache
def stranger() -> Authority:
    return Authority(common_name="CA lạ")


@cache
def signed() -> bytes:
    return sign(blank(), authority().signer(), at=NOW - HOUR)


def verdict(pdf: bytes) -> PdfVerdict:
    return examine(BytesIO(pdf), anchors=[authority().root.der], now=NOW)


def said(found: PdfVerdict) -> str:
    return found.reason.text() if found.reason else ""


def changed_page(pdf: bytes) -> bytes:
    """The PDF with another text on its page, as an incremental update."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    page, _ = writer.find_page_for_modification(0)
    text = b"BT /F1 12 Tf 50 700 Td (khac) Tj ET"
    content = writer.add_object(generic.StreamObject(stream_data=text))
    page.get_object()["/Contents"] = content
    writer.update_container(page.get_object())
    return _written(writer)


def with_revocations(pdf: bytes, crl: bytes) -> bytes:
    """The PDF with a revocation list among its evidence."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    store = DocumentSecurityStore(writer=writer)
    stream = writer.add_object(generic.StreamObject(stream_data=crl))
    store.crls.append(stream)
    writer.root["/DSS"] = writer.add_object(store.as_pdf_object())
    writer.update_root()
    return _written(writer)


def test_a_valid_signature_gives_legal_value_and_says_whose_and_when() -> None:
    found = verdict(signed())

    assert found.outcome is PdfOutcome.VALID
    assert found.legal_value is LegalValue.LEGAL_VALUE
    [signer] = found.signers
    assert (signer.name, signer.issuer) == (NAME, "CA mẫu")
    assert (signer.signed_at, signer.time_stamped) == (NOW - HOUR, False)


def test_a_file_without_a_signature_is_for_reference_only() -> None:
    found = verdict(blank())

    assert (found.outcome, found.legal_value) == (PdfOutcome.NONE, LegalValue.REFERENCE_ONLY)


def test_a_changed_byte_is_an_alteration() -> None:
    place = signed().index(b"/MediaBox")
    found = verdict(signed()[:place] + b"/MediaBoy" + signed()[place + 9 :])

    assert found.outcome is PdfOutcome.ALTERED
    assert found.reason == term("digest_differs")
    assert found.signers[0].name == NAME


def test_a_page_changed_by_a_later_update_is_an_alteration() -> None:
    found = verdict(changed_page(signed()))

    assert found.outcome is PdfOutcome.ALTERED
    assert "added after signing" in said(found)


def test_a_page_changed_before_another_signs_does_not_become_valid_by_that() -> None:
    found = verdict(sign(changed_page(signed()), authority().signer("Sở"), name="Second"))

    assert [signer.outcome for signer in found.signers] == [PdfOutcome.ALTERED, PdfOutcome.VALID]
    assert found.legal_value is LegalValue.REFERENCE_ONLY


def test_a_second_signature_is_allowed_and_both_are_named() -> None:
    found = verdict(sign(signed(), authority().signer("Sở Dữ liệu mẫu"), name="Second"))

    assert found.outcome is PdfOutcome.VALID
    assert [signer.name for signer in found.signers] == [NAME, "Sở Dữ liệu mẫu"]


def test_one_untrusted_signature_among_good_ones_takes_the_legal_value() -> None:
    found = verdict(sign(signed(), stranger().signer("Sở lạ"), name="Second"))

    assert [signer.outcome for signer in found.signers] == [PdfOutcome.VALID, PdfOutcome.UNTRUSTED]
    assert (found.outcome, found.legal_value) == (PdfOutcome.UNTRUSTED, LegalValue.REFERENCE_ONLY)


def test_a_signature_that_covers_a_part_of_the_file_only_proves_nothing() -> None:
    """Its byte range leaves out what somebody wants to change (the "universal" attack)."""
    [(first, second)] = re.findall(rb"/ByteRange \[0 (\d+) (\d+) \d+", signed())
    pattern = b"/ByteRange [0 %b %b" % (first, second)
    shorter = b"/ByteRange [9 %b %b" % (b"%0*d" % (len(first), int(first) - 9), second)
    found = verdict(signed().replace(pattern, shorter))

    assert found.legal_value is LegalValue.REFERENCE_ONLY


def test_bytes_after_the_end_are_an_alteration() -> None:
    assert verdict(signed() + b"\n% more\n" * 20).legal_value is LegalValue.REFERENCE_ONLY


def test_a_certificate_of_another_authority_is_untrusted() -> None:
    found = verdict(sign(blank(), stranger().signer()))

    assert found.outcome is PdfOutcome.UNTRUSTED
    assert found.signers[0].issuer == "CA lạ"


def test_an_expired_certificate_proves_nothing_without_a_time_stamp() -> None:
    old = authority().signer(starts=NOW - 3 * YEAR, ends=NOW - YEAR)

    assert verdict(sign(blank(), old, at=NOW - 2 * YEAR)).outcome is PdfOutcome.EXPIRED


def test_a_time_stamp_from_its_time_keeps_an_expired_certificate_valid() -> None:
    old = authority().signer(starts=NOW - 3 * YEAR, ends=NOW - YEAR)
    stamper = authority().stamper(NOW - 2 * YEAR)
    found = verdict(sign(blank(), old, at=NOW - 2 * YEAR - HOUR, stamper=stamper))

    assert found.outcome is PdfOutcome.VALID
    [signer] = found.signers
    assert (signer.signed_at, signer.time_stamped) == (NOW - 2 * YEAR, True)


def test_a_time_stamp_after_the_end_of_the_certificate_does_not_help() -> None:
    old = authority().signer(starts=NOW - 3 * YEAR, ends=NOW - YEAR)
    stamper = authority().stamper(NOW - HOUR)

    assert verdict(sign(blank(), old, stamper=stamper)).outcome is PdfOutcome.EXPIRED


def test_a_time_stamp_of_a_stranger_counts_as_none() -> None:
    old = authority().signer(starts=NOW - 3 * YEAR, ends=NOW - YEAR)
    stamper = stranger().stamper(NOW - 2 * YEAR)
    found = verdict(sign(blank(), old, at=NOW - 2 * YEAR, stamper=stamper))

    assert found.outcome is PdfOutcome.EXPIRED
    assert not found.signers[0].time_stamped


@pytest.mark.parametrize("stamped", [False, True])
def test_a_signing_time_in_the_future_decides_nothing(*, stamped: bool) -> None:
    stamper = authority().stamper(NOW + HOUR) if stamped else None
    found = verdict(sign(blank(), authority().signer(), at=NOW + HOUR, stamper=stamper))

    assert found.outcome is PdfOutcome.INDETERMINATE
    assert "in the future" in said(found)


def test_a_clock_a_few_minutes_ahead_is_forgiven() -> None:
    at = NOW + timedelta(minutes=5)

    assert verdict(sign(blank(), authority().signer(), at=at)).outcome is PdfOutcome.VALID


def test_sha_1_is_too_weak_to_decide_anything() -> None:
    found = verdict(sign(blank(), authority().signer(), digest="sha1"))

    assert found.outcome is PdfOutcome.INDETERMINATE
    assert found.signers[0].name == NAME


def test_a_revocation_that_the_file_brings_counts() -> None:
    identity = authority().signer()
    pdf = sign(blank(), identity, at=NOW - HOUR)
    crl = authority().revoking(identity, NOW - 2 * HOUR)
    found = verdict(with_revocations(pdf, crl))

    assert found.outcome is PdfOutcome.UNTRUSTED
    assert "revoked" in said(found)


def test_a_revocation_after_the_time_stamp_does_not_reach_back() -> None:
    identity = authority().signer()
    stamper = authority().stamper(NOW - 48 * HOUR)
    pdf = sign(blank(), identity, at=NOW - 48 * HOUR, stamper=stamper)
    crl = authority().revoking(identity, NOW - 2 * HOUR)

    assert verdict(with_revocations(pdf, crl)).outcome is PdfOutcome.VALID


def test_more_signatures_than_anybody_needs_are_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bus.pdf.examination.MOST_SIGNATURES", 1)
    pdf = sign(signed(), authority().signer(), name="Second")

    assert verdict(pdf).outcome is PdfOutcome.UNREADABLE


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"no pdf at all", b"%PDF-1.7\n%%EOF\n"])
def test_what_is_no_pdf_is_unreadable(content: bytes) -> None:
    assert verdict(content).outcome is PdfOutcome.UNREADABLE


def test_a_cut_off_pdf_is_unreadable_or_for_reference_at_best() -> None:
    whole = signed()
    for cut in range(0, len(whole), len(whole) // 40):
        assert verdict(whole[:cut]).legal_value is LegalValue.REFERENCE_ONLY


def test_no_changed_byte_leaves_legal_value() -> None:
    """Outside the place of the signature itself, which a signature cannot cover."""
    pdf, chance = signed(), random.Random(2018)
    start = pdf.index(b"<", pdf.index(b"/Contents <"))
    places = [*range(start), *range(pdf.index(b">", start), len(pdf))]
    for place in chance.sample(places, 60):
        changed = bytearray(pdf)
        changed[place] ^= chance.choice((1, 2, 32, 128))

        assert verdict(bytes(changed)).legal_value is LegalValue.REFERENCE_ONLY, place


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
