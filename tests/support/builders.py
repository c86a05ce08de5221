"""Builders of messages and packets: a valid thing, with one thing changed. All data is invented."""

import zipfile
from base64 import b64encode
from io import BytesIO

from adapters.conformance.files import MemoryFiles
from adapters.conformance.formats import TODAY
from adapters.conformance.messages import FILE as PDF
from adapters.conformance.messages import complete_document as document
from adapters.conformance.messages import complete_replacement as replacement
from adapters.conformance.messages import complete_report as status_report
from adapters.conformance.messages import complete_update as update
from adapters.contract import Limits
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.intake import Allowance, Intake
from schemas.document import (
    Attachment,
)
from schemas.problem import DocumentError, Problem
from schemas.reading import Reading

__all__ = [
    "PDF",
    "QCVN",
    "attachment",
    "document",
    "read_packet",
    "replacement",
    "status_report",
    "update",
]

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


def attachment(name: str, data: bytes, **changes: object) -> Attachment:
    """An attachment as a reader would describe these bytes."""
    intake = Intake(MemoryFiles().begin(), Allowance(len(data)))
    intake.write(data)
    return intake.keep().attachment(name, None).model_copy(update=changes)


def read_packet(
    data: bytes, shelf: MemoryFiles | None = None, limits: Limits | None = None
) -> Reading:
    """Read edXML with the usual limits."""
    return EdxmlFormat().read(
        BytesIO(data), sink=shelf or MemoryFiles(), limits=limits or Limits(), today=TODAY
    )


def refusal(data: bytes, limits: Limits | None = None) -> Problem:
    """Why a packet is refused; it must be, and must leave no file open."""
    shelf = MemoryFiles()
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
