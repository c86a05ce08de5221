"""Builders of messages and packets: a valid thing, with one thing changed. All data is invented."""

import zipfile
from base64 import b64encode
from datetime import UTC, date, datetime
from io import BytesIO

from adapters.conformance.formats import TODAY, Shelf
from adapters.contract import Limits
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.intake import Allowance, Intake
from schemas.codes import BusinessType, Priority, StatusCode
from schemas.document import (
    Attachment,
    Bussiness,
    Document,
    Hop,
    Organization,
    ReceiverChange,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
)
from schemas.problem import DocumentError, Problem
from schemas.reading import Reading
from schemas.status import StatusReport

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 8


def attachment(name: str, data: bytes, **changes: object) -> Attachment:
    """An attachment as a reader would describe these bytes."""
    intake = Intake(Shelf().begin(), Allowance(len(data)))
    intake.write(data)
    return intake.keep().attachment(name, None).model_copy(update=changes)


def document(**changes: object) -> Document:
    """A complete new document to two receivers, with one PDF (the bytes are `PDF`)."""
    complete = Document(
        from_agency=Organization(
            organ_id="000.00.00.H98",
            governing_body="Chính phủ mẫu",
            name="Ủy ban nhân dân tỉnh Ví Dụ",
            address="Số 1, phố Ví Dụ",
            email="vanthu@vidu.example",
            telephone="0123 456 789",
            fax="0123 456 788",
            website="vidu.example",
        ),
        to_agencies=(
            Organization(organ_id="000.00.07.H99", name="Sở Dữ liệu mẫu tỉnh Minh Họa"),
            Organization(organ_id="000.00.03.G98"),
        ),
        document_id="000.00.00.H98,2026/03/12,147/UBND-VP",
        number="147",
        notation="UBND-VP",
        place="Ví Dụ",
        issued_on=date(2026, 3, 12),
        type_code=2,
        type_name="Công văn",
        subject="V/v rà soát danh mục <mẫu> & phụ lục",
        content="Rà soát",
        signer=Signer(
            competence="KT. CHỦ TỊCH", position="PHÓ CHỦ TỊCH", full_name="Nguyễn Văn Mẫu"
        ),
        due_on=date(2026, 3, 20),
        priority=Priority.URGENT,
        circulation="Lưu hành nội bộ",
        drafter="NVM",
        copies=3,
        pages=2,
        appendixes=("Phụ lục danh mục mẫu",),
        response_for=(
            ResponseFor(
                organ_id="000.00.07.H99",
                code="12/SDL",
                document_id="000.00.07.H99,2026/03/01,12/SDL",
                issued_on=date(2026, 3, 1),
            ),
        ),
        to_places=("Như trên", "Lưu: VT"),
        bussiness=Bussiness(
            reason="Văn bản mới",
            paper_raw="0",
            staff=(Staff(department="Văn phòng", staff="Trần Thị Ví Dụ"),),
        ),
        hops=(Hop(organ_id="000.00.00.H98", at=datetime(2026, 3, 12, 2, 15, tzinfo=UTC)),),
        attachments=(attachment("147-ubnd.pdf", PDF, description="Bản ký số"),),
    )
    return complete.model_copy(update=changes)


def update(**changes: object) -> Document:
    """A document that updates an earlier one and changes its receivers."""
    block = Bussiness(
        type=BusinessType.UPDATE,
        target_document_id="000.00.00.H98,2026/03/01,140/UBND-VP",
        reason="Bổ sung bên nhận",
        paper_raw="1",
        content_changes=True,
        receivers_change=True,
        receiver_changes=(
            ReceiverChange(organ_id="000.00.07.H99", added=True),
            ReceiverChange(organ_id="000.00.09.H99", added=False),
        ),
    )
    return document(bussiness=block, **changes)


def replacement(**changes: object) -> Document:
    """A document that replaces an earlier one."""
    block = Bussiness(
        type=BusinessType.REPLACE,
        reason="Sai nội dung",
        replacements=(
            Replacement(
                document_id="000.00.00.H98,2026/03/01,140/UBND-VP",
                organ_ids=("000.00.07.H99", "000.00.03.G98"),
            ),
        ),
    )
    return document(bussiness=block, **changes)


def status_report(**changes: object) -> StatusReport:
    """A receiver's report that it accepted the document."""
    complete = StatusReport(
        from_agency=Organization(organ_id="000.00.07.H99", name="Sở Dữ liệu mẫu tỉnh Minh Họa"),
        to_organ_id="000.00.00.H98",
        document_code="147/UBND-VP",
        document_id="000.00.00.H98,2026/03/12,147/UBND-VP",
        issued_on=date(2026, 3, 12),
        staff=Staff(department="Văn thư", staff="Lê Thị Thí Dụ", email="vt@sdl.example"),
        code=StatusCode.ACCEPTED.value,
        description="Văn thư đã tiếp nhận văn bản",
        at=datetime(2026, 3, 12, 2, 40, tzinfo=UTC),
    )
    return complete.model_copy(update=changes)


def read_packet(data: bytes, shelf: Shelf | None = None, limits: Limits | None = None) -> Reading:
    """Read edXML with the usual limits."""
    return EdxmlFormat().read(
        BytesIO(data), sink=shelf or Shelf(), limits=limits or Limits(), today=TODAY
    )


def refusal(data: bytes, limits: Limits | None = None) -> Problem:
    """Why a packet is refused; it must be, and must leave no file open."""
    shelf = Shelf()
    try:
        reading = read_packet(data, shelf, limits)
    except DocumentError as error:
        assert not shelf.open_writers
        return error.problem
    raise AssertionError(f"accepted with {warned(reading)}")


def warned(reading: Reading) -> list[str]:
    """The codes of a reading's warnings."""
    return [warning.code for warning in reading.warnings]


def zipped(*entries: tuple[str, bytes]) -> bytes:
    """A deflated ZIP of these entries."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 12, 9, 0, 0)), data, 8)
    return file.getvalue()


def packet(*changes: tuple[str, str], files: str = "") -> bytes:
    """A small valid edXML packet as another producer writes it, with parts of its text replaced.

    Args:
        files: `AttachmentEncoded`'s children; see `encoded`.
    """
    text = _PACKET.replace("{files}", f"<AttachmentEncoded>{files}</AttachmentEncoded>")
    return _changed(text, changes)


def status_packet(*changes: tuple[str, str]) -> bytes:
    """A small valid status message, with parts of its text replaced."""
    return _changed(_STATUS_PACKET, changes)


def encoded(
    name: str, data: bytes | str, *, declared: str = "application/pdf", content_id: str = "cid:1"
) -> str:
    """An `Attachment`; text is taken for its base64."""
    content = data if isinstance(data, str) else b64encode(data).decode()
    return (
        f"<Attachment><ContentId>{content_id}</ContentId>"
        f"<AttachmentName>{name}</AttachmentName><ContentType>{declared}</ContentType>"
        f'<edXML:ContentTransferEncoded xmlns:edXML="{QCVN}">{content}'
        "</edXML:ContentTransferEncoded></Attachment>"
    )


def listed(name: str, *, content_id: str = "cid:1") -> tuple[str, str]:
    """The change that lists an attachment in the packet's manifest."""
    reference = (
        f"<edXML:Reference><edXML:ContentId>{content_id}</edXML:ContentId>"
        f"<edXML:ContentType>application/zip</edXML:ContentType>"
        f"<edXML:AttachmentName>{name}</edXML:AttachmentName></edXML:Reference>"
    )
    return "</edXML:edXMLManifest>", f"{reference}</edXML:edXMLManifest>"


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> bytes:
    for old, new in changes:
        if old not in text:
            raise ValueError(f"the packet holds no {old}")
        text = text.replace(old, new)
    return text.encode()


_PACKET = f"""<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="{QCVN}">
  <edXML:edXMLEnvelope xmlns:edXML="{QCVN}">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From>
          <edXML:OrganId>000.00.00.H98</edXML:OrganId>
        </edXML:From>
        <edXML:To><edXML:OrganId>000.00.07.H99</edXML:OrganId></edXML:To>
        <edXML:DocumentId>000.00.00.H98,2026/03/12,147/UBND-VP</edXML:DocumentId>
        <edXML:Code>
          <edXML:CodeNumber>147</edXML:CodeNumber>
          <edXML:CodeNotation>UBND-VP</edXML:CodeNotation>
        </edXML:Code>
        <edXML:PromulgationInfo>
          <edXML:PromulgationDate>2026/03/12</edXML:PromulgationDate>
        </edXML:PromulgationInfo>
        <edXML:DocumentType>
          <edXML:Type>2</edXML:Type>
          <edXML:TypeName>Công văn</edXML:TypeName>
        </edXML:DocumentType>
        <edXML:Subject>V/v rà soát danh mục mẫu</edXML:Subject>
        <edXML:SignerInfo><edXML:FullName>Nguyễn Văn Mẫu</edXML:FullName></edXML:SignerInfo>
        <edXML:OtherInfo><edXML:Priority>0</edXML:Priority></edXML:OtherInfo>
      </edXML:MessageHeader>
      <edXML:TraceHeaderList>
        <edXML:TraceHeader>
          <edXML:OrganId>000.00.00.H98</edXML:OrganId>
          <edXML:Timestamp>2026/03/12 09:15:00</edXML:Timestamp>
        </edXML:TraceHeader>
        <edXML:Bussiness>
          <edXML:BussinessDocType>0</edXML:BussinessDocType>
        </edXML:Bussiness>
      </edXML:TraceHeaderList>
    </edXML:edXMLHeader>
    <edXML:edXMLBody><edXML:edXMLManifest version="1.0"></edXML:edXMLManifest></edXML:edXMLBody>
  </edXML:edXMLEnvelope>
  {{files}}
</edXML>
"""

_STATUS_PACKET = f"""<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="{QCVN}">
  <edXML:edXMLEnvelope xmlns:edXML="{QCVN}">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From><edXML:OrganId>000.00.07.H99</edXML:OrganId></edXML:From>
        <edXML:ResponseFor>
          <edXML:OrganId>000.00.00.H98</edXML:OrganId>
          <edXML:Code>147/UBND-VP</edXML:Code>
          <edXML:PromulgationDate>2026/03/12</edXML:PromulgationDate>
          <edXML:DocumentId>000.00.00.H98,2026/03/12,147/UBND-VP</edXML:DocumentId>
        </edXML:ResponseFor>
        <edXML:StatusCode>03</edXML:StatusCode>
        <edXML:Description>Đã tiếp nhận</edXML:Description>
        <edXML:Timestamp>2026/03/12 09:40:00</edXML:Timestamp>
      </edXML:MessageHeader>
    </edXML:edXMLHeader>
  </edXML:edXMLEnvelope>
</edXML>
"""
