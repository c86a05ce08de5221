"""The writer is strict and byte-exact: prefixes, order, declaration."""

import re
from datetime import UTC, date, datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pytest

from adapters.conformance.files import MemoryFiles
from adapters.formats.edxml import EdxmlFormat
from schemas.codes import BusinessType, Priority
from schemas.document import Bussiness, Document, Hop, Organization, Signer
from schemas.problem import DocumentError
from schemas.status import StatusReport
from tests.support.builders import (
    PDF,
    QCVN,
    attachment,
    document,
    replacement,
    status_report,
    update,
    zipped,
)

GOLDEN = Path(__file__).parent / "golden"
WRITTEN_AT = datetime(2026, 3, 12, 18, 30, tzinfo=UTC)


def written(
    message: Document | StatusReport,
    *files: bytes,
    zip_attachments: bool = False,
    strict: bool = False,
) -> str:
    edxml = EdxmlFormat(zip_attachments=zip_attachments, strict=strict)
    chunks = edxml.write(message, attachments=MemoryFiles(files), written_at=WRITTEN_AT)
    return b"".join(chunks).decode()


def elements(text: str) -> list[str]:
    return re.findall(r"<([\w:]+)", text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("document", document()),
        ("update", update(attachments=())),
        ("replacement", replacement(attachments=())),
        ("status", status_report()),
    ],
)
def test_the_packet_is_exactly_the_one_we_promised(
    name: str, message: Document | StatusReport
) -> None:
    assert written(message, PDF) == (GOLDEN / f"{name}.edxml").read_text("utf-8")


def test_it_begins_with_the_declaration_and_holds_no_doctype_or_xlink() -> None:
    text = written(document(), PDF)

    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns="')
    assert "DOCTYPE" not in text
    assert "xlink" not in text


def test_only_root_and_attachments_bear_no_prefix() -> None:
    bare = {name for name in elements(written(document(), PDF)) if not name.startswith("edXML:")}

    assert bare == {
        "edXML",
        "AttachmentEncoded",
        "Attachment",
        "ContentId",
        "AttachmentName",
        "Description",
        "ContentType",
    }


def test_a_complete_header_has_the_order_of_qcvn_102() -> None:
    header = written(document(), PDF)
    order = [name.removeprefix("edXML:") for name in elements(header)]
    top = [
        "From", "To", "DocumentId", "Code", "PromulgationInfo", "DocumentType", "Subject",
        "Content", "SignerInfo", "DueDate", "OtherInfo", "ResponseFor", "ToPlaces",
        "Bussiness", "TraceHeader", "edXMLBody", "AttachmentEncoded",
    ]  # fmt: skip

    assert all(order.index(first) < order.index(second) for first, second in pairwise(top))


def test_what_is_absent_is_left_out_and_never_invented() -> None:
    bare = Document(
        from_agency=Organization(organ_id="H98"),
        to_agencies=(Organization(organ_id="H99"),),
        document_id="7",
        signer=Signer(),
    )
    names = {name.removeprefix("edXML:") for name in elements(written(bare))}

    assert names == {
        "edXML", "edXMLEnvelope", "edXMLHeader", "MessageHeader", "From", "To", "OrganId",
        "DocumentId", "OtherInfo", "Priority", "TraceHeaderList", "Bussiness", "BussinessDocType",
        "TraceHeader", "Timestamp", "edXMLBody", "edXMLManifest",
    }  # fmt: skip


def test_a_document_without_hops_gets_its_senders_in_viet_nam_time() -> None:
    text = written(document(hops=(), attachments=()))

    assert (
        "<edXML:OrganId>000.00.00.H98</edXML:OrganId>\n<edXML:Timestamp>2026/03/13 01:30:00<"
        in text
    )
    assert text.count("<edXML:TraceHeader>") == 1


def test_existing_hops_are_written_as_they_are() -> None:
    text = written(document(hops=(Hop(organ_id="H1"), Hop()), attachments=()))

    assert text.count("<edXML:TraceHeader>") == 2
    assert "Timestamp" not in text


def test_vendors_elements_are_written_in_their_place() -> None:
    raw = {
        "ApplicationType": "b",
        "SteeringType": "1",
        "OtherInfo/ReferenceCodes/Code": "12/SDL",
        "OtherInfo/Direction": "false",
        "DocumentType/TypeDetail": "-1",
        "ResponseForTask/TaskCode": "a",
        "ResponseForTask[2]/TaskCode": "c",
    }
    text = written(document(attachments=(), raw=raw))
    header = text[: text.index("</edXML:MessageHeader>")]
    order = ["Type", "TypeDetail", "TypeName", "Subject", "PageAmount", "Direction"]
    order += ["ReferenceCodes", "Appendixes", "ResponseFor", "SteeringType", "ResponseForTask"]
    order += ["TaskCode", "ApplicationType", "ToPlaces"]

    found = [name.removeprefix("edXML:") for name in elements(header)]
    assert [name for name in dict.fromkeys(found) if name in order] == order
    assert header.count("<edXML:TaskCode>") == 2


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("SteeringType", "một"),
        ("SteeringType", ""),
        ("SteeringType", "1.0"),
        ("SteeringType", "99999999999"),
        ("SteeringType[2]", "1"),
        ("SteeringType/a", "1"),
        ("DocumentType/TypeDetail", "x"),
        ("OtherInfo/Priority", "3"),
        ("OtherInfo/Priority", "x"),
        ("OtherInfo/PageAmount", "65536"),
        ("DueDate", "2026/02/30"),
        ("Subject", "khác"),
        ("Subject[2]", "khác"),
        ("Subject/b", "khác"),
        ("StatusCode", "13"),
        ("To[3]/OrganId", "H1"),
        ("To[3]/New", "ngoài danh sách"),
        ("From/OrganId", "H1"),
        ("TraceHeaderList/Bussiness/BussinessDocType", "1"),
        ("TraceHeaderList/TraceHeader[2]/New", "không có"),
        ("Attachment[1]/ContentType", "application/zip"),
        ("Attachment[1]/MimeType", "application/zip"),
        ("Attachment[2]/New", "không có"),
        ("edXML/AttachmentEncoded[1]/New", "x"),
        ("edXMLEnvelope/edXMLBody/New", "x"),
        ("MessageHeader/Attachment", "x"),
        ("Signature/KeyInfo/AgencyToken", "bi-mat"),
        ("New/Signature", "bi-mat"),
        ("{http://www.w3.org/2000/09/xmldsig#}Signature", "x"),
        ("{http://www.w3.org/2000/09/xmldsig#}KeyInfo", "x"),
        ("{http://schemas.xmlsoap.org/soap/envelope/}Body", "x"),
        (f"{{{QCVN}}}Subject", "khác"),
        ("{urn:khac}MessageHeader", "x"),
        # A widely used reader looks at local names alone, and takes the last.
        ("{urn:khac}Subject", "khác"),
        ("To[1]/{}OrganId", "H1"),
        ("Attachment[1]/{urn:khac}AttachmentName", "b.pdf"),
        ("edXML/{urn:khac}Attachment", "x"),
        ("New/{urn:khac}edXML", "x"),
        ("New><a", "x"),
        ("a b", "x"),
        ("1a", "x"),
        ("ghi:chú", "x"),
        ("New/", "x"),
        ("/New", "x"),
        ("", "x"),
        ("New[0]", "x"),
        ("/".join(["New"] * 30), "x"),
    ],
)
def test_what_does_not_fit_or_would_say_something_else_is_not_written(
    path: str, value: str
) -> None:
    """Raw values never take the place of a canonical field, whoever made them."""
    plain = written(document(), PDF)

    assert written(document(raw={path: value}), PDF) == plain
    assert written(document(raw={path: value, "{": ""}), PDF) == plain


def test_unknown_elements_are_written_at_the_end_of_their_parent_as_they_came() -> None:
    raw = {
        "{urn:khac}B": "1 < 2",
        "A": "đầu",
        "{urn:khac}B[2]/C": "trong",
        "A[2]/{}D": "không tên",
        "Code/E": "e",
        "edXML/F": "f",
    }
    text = written(document(attachments=(), raw=raw))

    assert (
        '</edXML:ToPlaces>\n<B xmlns="urn:khac">1 &lt; 2</B>\n<edXML:A>đầu</edXML:A>\n'
        '<B xmlns="urn:khac"><edXML:C>trong</edXML:C>\n</B>\n'
        '<edXML:A><D xmlns="">không tên</D>\n</edXML:A>\n</edXML:MessageHeader>'
    ) in text
    assert "</edXML:CodeNotation>\n<edXML:E>e</edXML:E>\n</edXML:Code>" in text
    assert text.endswith("</edXML:edXMLEnvelope>\n<F>f</F>\n</edXML>\n")


def test_a_strict_writer_leaves_unknown_elements_out_and_vendors_in() -> None:
    raw = {"New": "x", "Code/E": "e", "{urn:khac}B": "1", "SteeringType": "1"}
    known = {"SteeringType": "1"}

    assert written(document(raw=raw), PDF, strict=True) == written(document(raw=known), PDF)


def test_an_unlisted_priority_is_written_as_the_sender_said_it() -> None:
    text = written(
        document(attachments=(), priority=Priority.NORMAL, raw={"OtherInfo/Priority": "5"})
    )

    assert "<edXML:Priority>5</edXML:Priority>" in text


def test_a_leftover_target_of_a_new_document_is_not_written() -> None:
    block = Bussiness(type=BusinessType.NEW, target_document_id="leftover")

    assert "leftover" not in written(document(bussiness=block, attachments=()))


def test_markup_and_carriage_returns_are_escaped() -> None:
    text = written(document(subject="<a> & ]]>\r\nb", attachments=()))

    assert "<edXML:Subject>&lt;a&gt; &amp; ]]&gt;&#13;\nb</edXML:Subject>" in text


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\ud800", "\uffff"])
def test_a_character_that_xml_cannot_hold_is_refused_with_its_field(character: str) -> None:
    with pytest.raises(DocumentError) as refused:
        written(document(subject=f"a{character}", attachments=()))

    problem = refused.value.problem
    assert (problem.code, problem.place.field) == ("E_SCHEMA", "Subject")
    assert f"U+{ord(character):04X}" in problem.because.text()


def test_priority_is_always_written() -> None:
    text = written(document(priority=Priority.NORMAL, attachments=()))

    assert "<edXML:Priority>0</edXML:Priority>" in text


# --- attachments ----------------------------------------------------------------------------------


def test_every_attachment_has_one_cid_of_its_own_on_both_sides() -> None:
    twice = document(attachments=(attachment("a.pdf", PDF), attachment("a.pdf", PDF)))
    ids = re.findall(r"ContentId>(.*?)<", written(twice, PDF))

    assert len(ids) == 4
    assert len(set(ids)) == 2
    assert all(re.fullmatch(r"cid:[0-9a-f-]{36}", content_id) for content_id in ids)
    assert written(twice, PDF) == written(twice, PDF)


def test_content_ids_of_different_documents_differ() -> None:
    def first_id(message: Document) -> str:
        return written(message, PDF).partition("ContentId>")[2].partition("<")[0]

    assert first_id(document()) != first_id(document(document_id="khác"))


def test_attachments_are_plain_base64_under_their_true_type() -> None:
    text = written(document(), PDF)

    assert text.count("ContentType>application/pdf<") == 2
    assert f'<edXML:ContentTransferEncoded xmlns:edXML="{QCVN}">JVBERi0xLjcK' in text
    assert "<AttachmentEncoded>" not in written(document(attachments=()))


def test_only_a_file_named_zip_says_so() -> None:
    archive = zipped(("a.txt", b"1"), ("b.txt", b"2"))
    named = {
        name: attachment(name, archive) for name in ("a.zip", "a.docx", "a.pdf", "a.txt", "a.kmz")
    }
    text = written(document(attachments=tuple(named.values())), archive)

    assert text.count("ContentType>application/zip<") == 2 + 2  # a.zip, and a.txt: see below
    assert named["a.zip"].media_type == "application/zip"


def test_a_zip_that_passes_for_wrapping_is_wrapped_so_that_it_survives() -> None:
    archive = zipped(("b.txt", b"1"))
    text = written(document(attachments=(attachment("a.txt", archive),)), archive)

    assert text.count("ContentType>application/zip<") == 2


def test_old_readers_get_every_file_in_a_zip_but_zips() -> None:
    archive = zipped(("x.txt", b"1"))
    message = document(attachments=(attachment("a.pdf", PDF), attachment("b.zip", archive)))
    text = written(message, PDF, archive, zip_attachments=True)

    assert text.count("ContentType>application/zip<") == 4
    assert written(message, PDF, archive, zip_attachments=True) == text


class _Trickle(BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7, size or 7))


class _Trickling(MemoryFiles):
    def open(self, sha256: str) -> BinaryIO:
        return _Trickle(self.files[sha256])


def test_a_source_that_reads_in_odd_pieces_still_gives_one_line_of_base64() -> None:
    chunks = EdxmlFormat().write(document(), attachments=_Trickling((PDF,)), written_at=WRITTEN_AT)

    assert b"".join(chunks).decode() == written(document(), PDF)


def test_dates_and_stamps_have_their_exact_form() -> None:
    text = written(status_report(issued_on=date(2026, 1, 2)))

    assert ">2026/01/02<" in text
    assert "<edXML:Timestamp>2026/03/12 09:40:00</edXML:Timestamp>" in text
