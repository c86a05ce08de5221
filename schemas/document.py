"""Document: the canonical content of an official document, independent of any agency's format.

Field names are the glossary's. Reading is tolerant: what a source leaves out is absent here and
listed by `missing_fields`, so nothing is ever invented.
"""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.codes import BusinessType, Lane, Priority
from schemas.identifiers import Sha256
from schemas.value import Value

NonEmpty = Annotated[str, Field(min_length=1)]


class Organization(Value):
    """A sender or receiver as the packet names it. Routing uses `organ_id` alone."""

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
    """The document that is answered; `code` is the full number as text."""

    organ_id: str | None = None
    code: str | None = None
    document_id: str | None = None
    issued_on: date | None = None


class Staff(Value):
    """`StaffInfo`: who did it."""

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
    """The business block, spelled as on the wire.

    `target_document_id` is meaningful for recall and update only; readers drop leftovers.
    `paper_raw` is kept and shown as it came.
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
    """One hop of the packet. `at` is UTC; `organ_id` is absent when the source had none."""

    organ_id: str | None = None
    at: AwareDatetime | None = None


class Attachment(Value):
    """A file of a document: it travels by digest, never inside a message.

    Attributes:
        name: Plain, as `schemas.file_name` has it; judged where it is signed and where it arrives.
        media_type: The true type, sniffed from the bytes.
        size: Bytes of the unwrapped file.
        sha256: Of the unwrapped bytes.
        damaged: The bytes went through a text decoder before they reached us.
    """

    name: NonEmpty
    media_type: NonEmpty
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256
    description: str | None = None
    damaged: bool = False


class Document(Value):
    """Everything an edXML packet says of a document.

    `raw` keeps what the source said and we give no meaning to (vendor extensions, unknown
    elements, declared media types), by path: shown, never acted on, and written back where it
    stood for recipients of the same format (decision record 0034).
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
        """Required fields of QCVN 102 that the source left out: the message is incomplete."""
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
        """The document without the values that we give no meaning to."""
        return self.model_copy(update={"raw": {}})
