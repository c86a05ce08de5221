"""Parties: read organizations, staff and answered documents, in documents and statuses alike."""

from adapters.formats.edxml.fields import Fields, read_all
from schemas.document import Organization, ResponseFor, Staff
from schemas.problem import DocumentError, Place


def read_organization(fields: Fields) -> Organization | None:
    """The organization of an element; None if it has no code, which routing needs."""
    organ_id = fields.organ_id()
    if organ_id is None:
        fields.drop()
        return None
    organization = {
        "governing_body": fields.text("OrganizationInCharge", 500),
        "name": fields.text("OrganName", 200),
        "address": fields.text("OrganAdd", 500),
        "email": fields.text("Email", 100),
        "telephone": fields.text("Telephone", 20),
        "fax": fields.text("Fax", 20),
        "website": fields.text("Website"),
    }
    return Organization(organ_id=organ_id, **organization)


def read_sender(message: Fields) -> Organization:
    """The sender: the element `From`.

    Raises:
        DocumentError: It has no code (E_MISSING_FROM).
    """
    fields = message.group("From")
    sender = read_organization(fields)
    if sender is None:
        place = Place(line=fields.line, field="From/OrganId")
        raise DocumentError.of("E_MISSING_FROM", place=place)
    return sender


def read_staff(fields: Fields) -> Staff | None:
    """The person in a `StaffInfo`; None if it is empty."""
    staff = Staff(
        department=fields.text("Department"),
        department_id=fields.text("DepartmentId"),
        staff=fields.text("Staff"),
        staff_id=fields.text("StaffId"),
        email=fields.text("Email"),
        mobile=fields.text("Mobile"),
    )
    return None if staff == Staff() else staff


def read_responses(message: Fields) -> tuple[ResponseFor, ...]:
    """All documents that are answered: each `ResponseFor` that is not empty."""
    return read_all(message.groups("ResponseFor"), _read_response)


def _read_response(fields: Fields) -> ResponseFor | None:
    response = ResponseFor(
        organ_id=fields.organ_id(),
        code=fields.text("Code"),
        document_id=fields.document_id(),
        issued_on=fields.day("PromulgationDate"),
    )
    if response != ResponseFor():
        return response
    fields.findings.warn("W_EMPTY_RESPONSEFOR", line=fields.line, field=fields.path)
    return None
