"""Document: read the headers of a packet into a canonical document, without attachments."""

from datetime import date

from adapters.formats.edxml.dates import write_day
from adapters.formats.edxml.fields import Fields, read_all
from adapters.formats.edxml.parties import read_organization, read_responses, read_sender
from adapters.formats.edxml.trace import read_bussiness, read_hops
from schemas.codes import Priority
from schemas.document import Document, Organization, Signer
from schemas.limits import MAX_CODE
from schemas.problem import DocumentError, Place


def read_document(message: Fields, trace: Fields) -> Document:
    """Read `MessageHeader` and `TraceHeaderList`.

    Raises:
        DocumentError: The sender, all receivers, or every identifier of the document is missing.
    """
    sender = read_sender(message)
    code = message.group("Code")
    promulgation = message.group("PromulgationInfo")
    kind = message.group("DocumentType")
    other = message.group("OtherInfo")
    number, notation = code.text("CodeNumber", 11), code.text("CodeNotation", 30)
    issued_on = promulgation.day("PromulgationDate")
    document_id = message.document_id()
    document = Document(
        from_agency=sender,
        to_agencies=_read_receivers(message),
        document_id=document_id or _derive_id(message, sender, issued_on, number, notation),
        number=number,
        notation=notation,
        place=promulgation.text("Place", 50),
        issued_on=issued_on,
        type_code=kind.integer("Type", low=-MAX_CODE, high=MAX_CODE),
        type_name=kind.text("TypeName", 100),
        subject=message.text("Subject", 500),
        content=message.text("Content", 500),
        signer=_read_signer(message.group("SignerInfo")),
        due_on=message.day("DueDate"),
        priority=_read_priority(other),
        circulation=other.text("SphereOfPromulgation", 100),
        drafter=other.text("TyperNotation", 10),
        copies=other.integer("PromulgationAmount", low=0, high=65535),
        pages=other.integer("PageAmount", low=0, high=65535),
        appendixes=other.group("Appendixes").texts("Appendix"),
        response_for=read_responses(message),
        to_places=message.group("ToPlaces").texts("Place", 150),
        bussiness=read_bussiness(trace),
        hops=read_hops(trace),
    )
    # Extensions of vendors: they are written again as they came, and nothing depends on them.
    kind.keep("TypeDetail")
    other.keep("ReplyFors", "Direction", "ReferenceCodes")
    message.keep("SteeringType", "ResponseForTask", "ApplicationType")
    return document


def _read_receivers(message: Fields) -> tuple[Organization, ...]:
    receivers = read_all(message.groups("To"), _read_receiver)
    if not receivers:
        place = Place(line=message.line, field="To/OrganId")
        raise DocumentError.of("E_MISSING_TO", place=place)
    return receivers


def _read_receiver(fields: Fields) -> Organization | None:
    receiver = read_organization(fields)
    if receiver is None:
        fields.findings.missing("OrganId", line=fields.line, field=fields.at("OrganId"))
    return receiver


def _read_signer(fields: Fields) -> Signer | None:
    signer = Signer(
        competence=fields.text("Competence"),
        position=fields.text("Position"),
        full_name=fields.text("FullName"),
    )
    return None if signer == Signer() else signer


def _read_priority(fields: Fields) -> Priority:
    """The urgency; an unlisted value counts as normal and is kept as a raw value."""
    text = fields.text("Priority")
    if text is None:
        return Priority.NORMAL
    if text in {"0", "1", "2", "3", "4"}:
        return Priority(int(text))
    path = fields.at("Priority")
    code = "W_PRIORITY_5" if text == "5" else "W_PRIORITY_UNKNOWN"
    fields.findings.warn(code, line=fields.line, field=path, value=text)
    fields.findings.keep(path, text, line=fields.line, told=True)
    return Priority.NORMAL


def _derive_id(
    message: Fields,
    sender: Organization,
    issued_on: date | None,
    number: str | None,
    notation: str | None,
) -> str:
    """The usual form of an id: `{OrganId},{yyyy/MM/dd},{number}/{notation}`."""
    if issued_on is None or number is None or notation is None:
        place = Place(line=message.line, field="DocumentId")
        raise DocumentError.of("E_MISSING_ID", place=place)
    derived = f"{sender.organ_id},{write_day(issued_on)},{number}/{notation}"
    message.findings.warn("W_ID_DERIVED", line=message.line, field="DocumentId", value=derived)
    return derived
