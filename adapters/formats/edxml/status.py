"""Status: read the header of a status message into a canonical report."""

from adapters.formats.edxml.fields import Fields
from adapters.formats.edxml.parties import read_sender, read_staff
from schemas.problem import DocumentError, Place
from schemas.status import StatusReport


def is_status(message: Fields) -> bool:
    """Whether the packet is a status message: it is one if and only if `StatusCode` exists."""
    return "StatusCode" in message.node.children


def read_status(message: Fields) -> StatusReport:
    """Read the `MessageHeader` of a status message.

    Raises:
        DocumentError: Reporter, addressee, code or any identity of the document is missing.
    """
    reporter = read_sender(message)
    response = message.group("ResponseFor")
    addressee = response.organ_id()
    if addressee is None:
        place = Place(line=response.line, field="ResponseFor/OrganId")
        raise DocumentError.of("E_MISSING_TO", place=place)
    document_code, document_id = response.text("Code"), response.document_id()
    if document_code is None and document_id is None:
        place = Place(line=response.line, field="ResponseFor/DocumentId")
        raise DocumentError.of("E_MISSING_ID", place=place)
    code = message.text("StatusCode")
    if code is None:
        place = Place(line=message.line, field="StatusCode")
        raise DocumentError.of("E_STRUCTURE", place=place, element="StatusCode")
    return StatusReport(
        from_agency=reporter,
        to_organ_id=addressee,
        document_code=document_code,
        document_id=document_id,
        issued_on=response.day("PromulgationDate"),
        staff=read_staff(message.group("StaffInfo")),
        code=code,
        description=message.text("Description"),
        at=message.stamp("Timestamp"),
    )
