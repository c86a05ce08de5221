"""The canonical content of an official document, independent of any agency's format.

The glossary defines the names of fields. A field that a source omits is None here, never invented;
`missing_fields` lists the required ones.
"""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.codes import BusinessType, Lane, Priority
from schemas.identifiers import Sha256
from schemas.value import Value

NonEmpty = Annotated[str, Field(min_length=1)]


class Organization(Value):
    """A sender or receiver as in the packet. Routing uses only `organ_id`."""

    organ_id: NonEmpty
    governing_body: str | None = None
    name: str | None = None
    address: str | None = None
    email: str | None = None
    telephone: str | None = None
    fax: str | None = None
    website: str | None = None


class Signer(Value):
    """Who signed the paper: competence (TM., KT., TL., TUQ., Q.), position, full name."""

    competence: str | None = None
    position: str | None = None
    full_name: str | None = None


class ResponseFor(Value):
    """The document that is answered; `code` is its full number."""

    organ_id: str | None = None
    code: str | None = None
    document_id: str | None = None
    issued_on: date | None = None


class Staff(Value):
    """`StaffInfo`: the person who did something."""

    department: str | None = None
    department_id: str | None = None
    staff: str | None = None
    staff_id: str | None = None
    email: str | None = None
    mobile: str | None = None


class ReceiverChange(Value):
    """One line of an update's receiver list (`ReceiverType` 0 removed, 1 added)."""

    organ_id: NonEmpty
    added: bool


class Replacement(Value):
    """A replaced document and the agencies that held it."""

    document_id: NonEmpty
    organ_ids: tuple[str, ...] = ()


class Bussiness(Value):
    """The business block, spelled as in edXML.

    `target_document_id` has a meaning only for recalls and updates; elsewhere readers drop it.
    `paper_raw` is kept and shown unchanged.
    """

    type: BusinessType = BusinessType.NEW
    target_document_id: str | None = None
    reason: str | None = None
    paper_raw: str | None = None
    content_changes: bool | None = None
    receivers_change: bool | None = None
    receiver_changes: tuple[ReceiverChange, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    staff: tuple[Staff, ...] = ()


class Hop(Value):
    """One hop of the packet; `at` is UTC."""

    organ_id: str | None = None
    at: AwareDatetime | None = None


class Attachment(Value):
    """A file of a document. Messages contain its digest, never its bytes.

    Attributes:
        name: A plain file name (`schemas.file_name`), checked by sender and recipient.
        media_type: The type that its bytes show.
        size: The size of the unpacked file, in bytes.
        sha256: The digest of the unpacked file.
        damaged: A text decoder changed the bytes before we received them.
    """

    name: NonEmpty
    media_type: NonEmpty
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256
    description: str | None = None
    damaged: bool = False


class Document(Value):
    """Everything that an edXML packet says about a document.

    `raw` contains values without a meaning here (vendor extensions, unknown elements, declared
    media types) by path. They are shown and written back at the same place for recipients of the
    same format (decision record 0034), but nothing depends on them.
    """

    from_agency: Organization
    to_agencies: Annotated[tuple[Organization, ...], Field(min_length=1)]
    document_id: NonEmpty
    number: str | None = None
    notation: str | None = None
    place: str | None = None
    issued_on: date | None = None
    type_code: int | None = None
    type_name: str | None = None
    subject: str | None = None
    content: str | None = None
    signer: Signer | None = None
    due_on: date | None = None
    priority: Priority = Priority.NORMAL
    circulation: str | None = None
    drafter: str | None = None
    copies: Annotated[int, Field(ge=0, le=65535)] | None = None
    pages: Annotated[int, Field(ge=0, le=65535)] | None = None
    appendixes: tuple[str, ...] = ()
    response_for: tuple[ResponseFor, ...] = ()
    to_places: tuple[str, ...] = ()
    bussiness: Bussiness = Bussiness()
    hops: tuple[Hop, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    raw: dict[str, str] = {}

    @property
    def full_number(self) -> str | None:
        """Number and notation as printed: `147/UBND-VP`."""
        if self.number and self.notation:
            return f"{self.number}/{self.notation}"
        return self.number or self.notation

    @property
    def lane(self) -> Lane:
        """Urgent documents take the express lane (Decision 28/2018 article 6)."""
        return Lane.EXPRESS if self.priority >= Priority.URGENT else Lane.STANDARD

    @property
    def missing_fields(self) -> tuple[str, ...]:
        """The fields that QCVN 102 requires and the source omits."""
        required = {
            "number": self.number,
            "notation": self.notation,
            "issued_on": self.issued_on,
            "type_code": self.type_code,
            "type_name": self.type_name,
            "subject": self.subject,
            "signer.full_name": self.signer.full_name if self.signer else None,
        }
        return tuple(name for name, value in required.items() if value is None)

    def without_raw(self) -> "Document":
        """A copy without `raw`."""
        return self.model_copy(update={"raw": {}})
