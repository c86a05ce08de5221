"""Writer: write a canonical message as a strict edXML packet, in chunks.

Prefixes, order and declaration are those that vendors' programs accept (`docs/edxml.md`). Absent
values are left out; nothing is invented.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import assert_never

from adapters.contract import AttachmentSource, Message
from adapters.formats.edxml.dates import write_day, write_stamp
from adapters.formats.edxml.elements import DOCUMENT_HEADER, STATUS_HEADER
from adapters.formats.edxml.extras import Extras
from adapters.formats.edxml.markup import frame, group, leaf
from adapters.formats.edxml.names import QCVN
from adapters.formats.edxml.parts import plan_parts, write_extras
from adapters.formats.value_range import refuse_beyond
from schemas.codes import BusinessType, Priority
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
_UNLISTED_PRIORITY = re.compile("[5-9]|[1-9][0-9]{1,2}")
_TRACE = "TraceHeaderList"
_BUSSINESS = "TraceHeaderList/Bussiness"


def write_packet(
    message: Message,
    *,
    attachments: AttachmentSource,
    written_at: datetime,
    zipped: bool,
    strict: bool = False,
) -> Iterator[bytes]:
    """Yield a packet in chunks; memory does not grow with its attachments.

    Args:
        written_at: The time of the sender's hop, if the document has no hop.
        zipped: Put each attachment into a ZIP with one entry, for old programs.
        strict: Leave out unknown elements, for old programs.

    Raises:
        DocumentError: An attachment is absent or damaged, XML cannot contain a text, or a date or
            number is out of range (E_RANGE).
    """
    refuse_beyond(message, "")
    extras = Extras(message.raw, strict=strict)
    end = f"{extras.unknown('edXML', 'edXML')}</edXML>\n"
    match message:
        case StatusReport():
            header = _header(_status_header(message, extras), "", extras)
            yield f"{_OPENING}{header}{_envelope_end(extras)}{end}".encode()
        case Document():
            parts = plan_parts(message, attachments, extras, zipped=zipped)
            header = _header(
                _document_header(message, extras), _trace(message, extras, written_at), extras
            )
            body = _body(tuple(part.reference() for part in parts), extras)
            yield f"{_OPENING}{header}{body}{_envelope_end(extras)}".encode()
            if parts:
                yield b"<AttachmentEncoded>\n"
                for part in parts:
                    yield from part.write(attachments)
                yield b"</AttachmentEncoded>\n"
            yield end.encode()
        case _:
            assert_never(message)


def unwritten(message: Message) -> frozenset[str]:
    """The paths of the raw values that cannot be written into a packet of this message."""
    extras = Extras(message.raw)
    extras.unknown("edXML", "edXML")
    match message:
        case StatusReport():
            _header(_status_header(message, extras), "", extras)
        case Document():
            _header(_document_header(message, extras), _trace(message, extras, None), extras)
            _body((), extras)
            for number, attachment in enumerate(message.attachments, 1):
                write_extras(attachment, number, extras)
        case _:
            assert_never(message)
    _envelope_end(extras)
    return frozenset(message.raw) - extras.written


def _header(message: str, trace: str, extras: Extras) -> str:
    return frame("edXMLHeader", message, trace, extras.unknown("edXMLHeader", "edXMLHeader"))


def _envelope_end(extras: Extras) -> str:
    return f"{extras.unknown('edXMLEnvelope', 'edXMLEnvelope')}</edXML:edXMLEnvelope>\n"


def _body(references: tuple[str, ...], extras: Extras) -> str:
    unknown = extras.unknown("edXMLManifest", "edXMLBody/edXMLManifest")
    manifest = frame("edXMLManifest", *references, unknown, attributes=' version="1.0"')
    return frame("edXMLBody", manifest, extras.unknown("edXMLBody", "edXMLBody"))


def _document_header(document: Document, extras: Extras) -> str:
    """`MessageHeader` of a document, in the order that vendors' programs expect."""
    unknown = extras.unknown
    return frame(
        "MessageHeader",
        _organization("From", "From", document.from_agency, extras),
        *(
            _organization("To", f"To[{number}]", agency, extras)
            for number, agency in enumerate(document.to_agencies, 1)
        ),
        leaf("DocumentId", document.document_id),
        group(
            "Code",
            leaf("CodeNumber", document.number),
            leaf("CodeNotation", document.notation),
            unknown("Code", "Code"),
        ),
        group(
            "PromulgationInfo",
            leaf("Place", document.place),
            leaf("PromulgationDate", _day(document.issued_on)),
            unknown("PromulgationInfo", "PromulgationInfo"),
        ),
        group(
            "DocumentType",
            leaf("Type", document.type_code),
            extras.integer("DocumentType/TypeDetail"),
            leaf("TypeName", document.type_name),
            unknown("DocumentType", "DocumentType"),
        ),
        leaf("Subject", document.subject),
        leaf("Content", document.content),
        _signer(document.signer or Signer(), extras),
        leaf("DueDate", _day(document.due_on)),
        group(
            "OtherInfo",
            leaf("Priority", _priority(document, extras)),
            leaf("SphereOfPromulgation", document.circulation),
            leaf("TyperNotation", document.drafter),
            leaf("PromulgationAmount", document.copies),
            leaf("PageAmount", document.pages),
            extras.text("OtherInfo/ReplyFors"),
            extras.text("OtherInfo/Direction"),
            extras.text("OtherInfo/ReferenceCodes"),
            group(
                "Appendixes",
                *(leaf("Appendix", name) for name in document.appendixes),
                unknown("Appendixes", "OtherInfo/Appendixes"),
            ),
            unknown("OtherInfo", "OtherInfo"),
        ),
        *(
            _response_for(response, f"ResponseFor[{number}]", extras)
            for number, response in enumerate(document.response_for, 1)
        ),
        extras.integer("SteeringType"),
        extras.texts("ResponseForTask"),
        extras.texts("ApplicationType"),
        group(
            "ToPlaces",
            *(leaf("Place", place) for place in document.to_places),
            unknown("ToPlaces", "ToPlaces"),
        ),
        unknown("MessageHeader", "", known=DOCUMENT_HEADER),
    )


def _priority(document: Document, extras: Extras) -> int | str:
    """The urgency; an unlisted one, which counts as normal, is written as it came."""
    unlisted = None
    if document.priority is Priority.NORMAL:
        unlisted = extras.value("OtherInfo/Priority", _UNLISTED_PRIORITY)
    return unlisted or document.priority.value


def _status_header(report: StatusReport, extras: Extras) -> str:
    """`MessageHeader` of a status message, in the order that vendors' programs expect."""
    answered = ResponseFor(
        organ_id=report.to_organ_id,
        code=report.document_code,
        document_id=report.document_id,
        issued_on=report.issued_on,
    )
    return frame(
        "MessageHeader",
        _organization("From", "From", report.from_agency, extras),
        _response_for(answered, "ResponseFor", extras),
        _staff(report.staff or Staff(), "StaffInfo", extras),
        leaf("StatusCode", report.code),
        leaf("Description", report.description),
        leaf("Timestamp", _stamp(report.at)),
        extras.unknown("MessageHeader", "", known=STATUS_HEADER),
    )


def _trace(document: Document, extras: Extras, written_at: datetime | None) -> str:
    """`TraceHeaderList`; if the document has no hop, the sender's hop is added."""
    sender = Hop(organ_id=document.from_agency.organ_id, at=written_at)
    return frame(
        "TraceHeaderList",
        _bussiness(document.bussiness, extras),
        *(
            _hop(hop, f"{_TRACE}/TraceHeader[{number}]", extras)
            for number, hop in enumerate(document.hops or (sender,), 1)
        ),
        extras.unknown("TraceHeaderList", _TRACE),
    )


def _bussiness(block: Bussiness, extras: Extras) -> str:
    targeted = block.type in {BusinessType.RECALL, BusinessType.UPDATE}
    return frame(
        "Bussiness",
        # In a new document it is left over from another message, and programs ignore it.
        leaf("DocumentId", block.target_document_id)
        if targeted
        else extras.text(f"{_BUSSINESS}/DocumentId"),
        leaf("BussinessDocType", block.type.value),
        leaf("BussinessDocReason", block.reason),
        leaf("Paper", block.paper_raw),
        _changes(block, f"{_BUSSINESS}/BussinessDocumentInfo", extras),
        _replacements(block, f"{_BUSSINESS}/ReplacementInfoList", extras),
        *(
            _staff(staff, f"{_BUSSINESS}/StaffInfo[{number}]", extras)
            for number, staff in enumerate(block.staff, 1)
        ),
        extras.unknown("Bussiness", _BUSSINESS),
    )


def _changes(block: Bussiness, path: str, extras: Extras) -> str:
    return group(
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
                    extras.unknown("Receiver", f"{path}/ReceiverList/Receiver[{number}]"),
                )
                for number, change in enumerate(block.receiver_changes, 1)
            ),
            extras.unknown("ReceiverList", f"{path}/ReceiverList"),
        ),
        extras.unknown("BussinessDocumentInfo", path),
    )


def _replacements(block: Bussiness, path: str, extras: Extras) -> str:
    return group(
        "ReplacementInfoList",
        *(
            _replacement(replacement, f"{path}/ReplacementInfo[{number}]", extras)
            for number, replacement in enumerate(block.replacements, 1)
        ),
        extras.unknown("ReplacementInfoList", path),
    )


def _replacement(replacement: Replacement, path: str, extras: Extras) -> str:
    return group(
        "ReplacementInfo",
        leaf("DocumentId", replacement.document_id),
        group(
            "OrganIdList",
            *(leaf("OrganId", organ_id) for organ_id in replacement.organ_ids),
            extras.unknown("OrganIdList", f"{path}/OrganIdList"),
        ),
        extras.unknown("ReplacementInfo", path),
    )


def _organization(name: str, path: str, organization: Organization, extras: Extras) -> str:
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
        extras.unknown(name, path),
    )


def _signer(signer: Signer, extras: Extras) -> str:
    return group(
        "SignerInfo",
        leaf("Competence", signer.competence),
        leaf("Position", signer.position),
        leaf("FullName", signer.full_name),
        extras.unknown("SignerInfo", "SignerInfo"),
    )


def _response_for(response: ResponseFor, path: str, extras: Extras) -> str:
    return group(
        "ResponseFor",
        leaf("OrganId", response.organ_id),
        leaf("Code", response.code),
        leaf("DocumentId", response.document_id),
        leaf("PromulgationDate", _day(response.issued_on)),
        extras.unknown("ResponseFor", path),
    )


def _staff(staff: Staff, path: str, extras: Extras) -> str:
    return group(
        "StaffInfo",
        leaf("Department", staff.department),
        leaf("DepartmentId", staff.department_id),
        leaf("Staff", staff.staff),
        leaf("StaffId", staff.staff_id),
        leaf("Email", staff.email),
        leaf("Mobile", staff.mobile),
        extras.unknown("StaffInfo", path),
    )


def _hop(hop: Hop, path: str, extras: Extras) -> str:
    # An empty hop is written as well: the number of hops is content.
    return frame(
        "TraceHeader",
        leaf("OrganId", hop.organ_id),
        leaf("Timestamp", _stamp(hop.at)),
        extras.unknown("TraceHeader", path),
    )


def _day(value: date | None) -> str | None:
    return None if value is None else write_day(value)


def _stamp(value: datetime | None) -> str | None:
    return None if value is None else write_stamp(value)


def _digit(flag: bool | None) -> int | None:
    return None if flag is None else int(flag)
