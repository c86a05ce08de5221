"""Writer: a canonical message as a strict edXML packet, in chunks.

Prefixes, order and declaration are those that the vendors' readers take (handbook 2.6, gateway
4.3). What the message lacks is left out, never invented.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import assert_never

from adapters.contract import AttachmentSource, Message
from adapters.formats.edxml.dates import write_day, write_stamp
from adapters.formats.edxml.markup import frame, group, leaf
from adapters.formats.edxml.names import QCVN
from adapters.formats.edxml.parts import plan_parts
from schemas.codes import BusinessType
from schemas.document import (
    Bussiness,
    Document,
    Hop,
    Organization,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
)
from schemas.status import StatusReport

_OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<edXML xmlns="{QCVN}">\n'
    f'<edXML:edXMLEnvelope xmlns:edXML="{QCVN}">\n'
)
_ENVELOPE_END = "</edXML:edXMLEnvelope>\n"
_END = "</edXML>\n"


def write_packet(
    message: Message, *, attachments: AttachmentSource, written_at: datetime, zipped: bool
) -> Iterator[bytes]:
    """Write a packet; memory does not grow with its attachments.

    Args:
        written_at: The stamp of the sender's hop where the document has none.
        zipped: Wrap every attachment in a one-entry ZIP, for old readers.

    Raises:
        DocumentError: An attachment is absent or damaged, or a text cannot stand in XML.
    """
    match message:
        case StatusReport():
            header = frame("edXMLHeader", _status_header(message))
            yield f"{_OPENING}{header}{_ENVELOPE_END}{_END}".encode()
        case Document():
            parts = plan_parts(message, attachments, zipped=zipped)
            header = frame("edXMLHeader", _document_header(message), _trace(message, written_at))
            manifest = frame(
                "edXMLManifest", *(part.reference() for part in parts), attributes=' version="1.0"'
            )
            body = frame("edXMLBody", manifest)
            yield f"{_OPENING}{header}{body}{_ENVELOPE_END}".encode()
            if parts:
                yield b"<AttachmentEncoded>\n"
                for part in parts:
                    yield from part.write(attachments)
                yield b"</AttachmentEncoded>\n"
            yield _END.encode()
        case _:
            assert_never(message)


def _document_header(document: Document) -> str:
    """`MessageHeader`, in the order of handbook 2.2."""
    return frame(
        "MessageHeader",
        _organization("From", document.from_agency),
        *(_organization("To", agency) for agency in document.to_agencies),
        leaf("DocumentId", document.document_id),
        group(
            "Code",
            leaf("CodeNumber", document.number),
            leaf("CodeNotation", document.notation),
        ),
        group(
            "PromulgationInfo",
            leaf("Place", document.place),
            leaf("PromulgationDate", _day(document.issued_on)),
        ),
        group(
            "DocumentType",
            leaf("Type", document.type_code),
            leaf("TypeName", document.type_name),
        ),
        leaf("Subject", document.subject),
        leaf("Content", document.content),
        _signer(document.signer or Signer()),
        leaf("DueDate", _day(document.due_on)),
        group(
            "OtherInfo",
            leaf("Priority", document.priority.value),
            leaf("SphereOfPromulgation", document.circulation),
            leaf("TyperNotation", document.drafter),
            leaf("PromulgationAmount", document.copies),
            leaf("PageAmount", document.pages),
            group("Appendixes", *(leaf("Appendix", name) for name in document.appendixes)),
        ),
        *map(_response_for, document.response_for),
        group("ToPlaces", *(leaf("Place", place) for place in document.to_places)),
    )


def _status_header(report: StatusReport) -> str:
    """`MessageHeader` of a status message, in the order of handbook 3.1."""
    answered = ResponseFor(
        organ_id=report.to_organ_id,
        code=report.document_code,
        document_id=report.document_id,
        issued_on=report.issued_on,
    )
    return frame(
        "MessageHeader",
        _organization("From", report.from_agency),
        _response_for(answered),
        _staff(report.staff or Staff()),
        leaf("StatusCode", report.code),
        leaf("Description", report.description),
        leaf("Timestamp", _stamp(report.at)),
    )


def _trace(document: Document, written_at: datetime) -> str:
    """`TraceHeaderList`, with the sender's hop where the document has none (handbook 2.6)."""
    sender = Hop(organ_id=document.from_agency.organ_id, at=written_at)
    return frame(
        "TraceHeaderList",
        _bussiness(document.bussiness),
        *map(_hop, document.hops or (sender,)),
    )


def _bussiness(block: Bussiness) -> str:
    targeted = block.type in {BusinessType.RECALL, BusinessType.UPDATE}
    return frame(
        "Bussiness",
        leaf("DocumentId", block.target_document_id if targeted else None),
        leaf("BussinessDocType", block.type.value),
        leaf("BussinessDocReason", block.reason),
        leaf("Paper", block.paper_raw),
        group(
            "BussinessDocumentInfo",
            leaf("DocumentInfo", _digit(block.content_changes)),
            leaf("DocumentReceiver", _digit(block.receivers_change)),
            group(
                "ReceiverList",
                *(
                    group(
                        "Receiver",
                        leaf("OrganId", change.organ_id),
                        leaf("ReceiverType", _digit(change.added)),
                    )
                    for change in block.receiver_changes
                ),
            ),
        ),
        group("ReplacementInfoList", *map(_replacement, block.replacements)),
        *map(_staff, block.staff),
    )


def _replacement(replacement: Replacement) -> str:
    return group(
        "ReplacementInfo",
        leaf("DocumentId", replacement.document_id),
        group("OrganIdList", *(leaf("OrganId", organ_id) for organ_id in replacement.organ_ids)),
    )


def _organization(name: str, organization: Organization) -> str:
    return group(
        name,
        leaf("OrganId", organization.organ_id),
        leaf("OrganizationInCharge", organization.governing_body),
        leaf("OrganName", organization.name),
        leaf("OrganAdd", organization.address),
        leaf("Email", organization.email),
        leaf("Telephone", organization.telephone),
        leaf("Fax", organization.fax),
        leaf("Website", organization.website),
    )


def _signer(signer: Signer) -> str:
    return group(
        "SignerInfo",
        leaf("Competence", signer.competence),
        leaf("Position", signer.position),
        leaf("FullName", signer.full_name),
    )


def _response_for(response: ResponseFor) -> str:
    return group(
        "ResponseFor",
        leaf("OrganId", response.organ_id),
        leaf("Code", response.code),
        leaf("DocumentId", response.document_id),
        leaf("PromulgationDate", _day(response.issued_on)),
    )


def _staff(staff: Staff) -> str:
    return group(
        "StaffInfo",
        leaf("Department", staff.department),
        leaf("DepartmentId", staff.department_id),
        leaf("Staff", staff.staff),
        leaf("StaffId", staff.staff_id),
        leaf("Email", staff.email),
        leaf("Mobile", staff.mobile),
    )


def _hop(hop: Hop) -> str:
    # Also one that says nothing: how many hops there were is content.
    return frame(
        "TraceHeader",
        leaf("OrganId", hop.organ_id),
        leaf("Timestamp", _stamp(hop.at)),
    )


def _day(value: date | None) -> str | None:
    return None if value is None else write_day(value)


def _stamp(value: datetime | None) -> str | None:
    return None if value is None else write_stamp(value)


def _digit(flag: bool | None) -> int | None:
    return None if flag is None else int(flag)
