"""Parcel: what an opened envelope becomes for the recipient's system, and the receipt for it."""

import re
from datetime import datetime
from unicodedata import normalize

from bus.core.identity import delivery_id
from schemas.codes import StatusCode
from schemas.document import Document, Organization
from schemas.envelope import Envelope, Receipt, Recipient
from schemas.identifiers import DeliveryId, MailboxName
from schemas.problem import Language, Problem
from schemas.reading import SignatureOutcome, Source
from schemas.status import StatusReport

_UNSAFE = re.compile(r"[^\w.-]+")
_MAX_STEM = 80
ARRIVED_TEXT = "Văn bản đã đến hệ thống của bên nhận"


def parcel_name(envelope: Envelope, delivery: DeliveryId, suffix: str) -> str:
    """The file name of a delivery: readable, safe, and the same for the same delivery.

    Sender, full number or status code, and twelve digits of the delivery id, which alone make it
    unique.
    """
    if envelope.document is not None:
        said = envelope.document.full_number or envelope.document.document_id
    elif envelope.receipt is not None:
        report = envelope.receipt.report
        said = f"{report.code}_{report.document_code or report.document_id or ''}"
    else:
        said = ""
    stem = _UNSAFE.sub("-", normalize("NFC", f"{envelope.sender}_{said}")).strip(".-")[:_MAX_STEM]
    return f"{stem}_{delivery[:12]}{suffix}"


def original_for(envelope: Envelope, format_name: str) -> Source | None:
    """The original to hand over byte for byte, or None when the packet is written anew.

    Only a verified header signature earns it (`docs/edxml.md`): a rewritten packet would lose the
    proof. Everything else is written strictly, which is what readers can rely on.
    """
    check = envelope.source_signature
    verified = check is not None and check.outcome is SignatureOutcome.VERIFIED
    if verified and envelope.source is not None and envelope.source.format == format_name:
        return envelope.source
    return None


def arrival(
    envelope: Envelope,
    document: Document,
    recipient: Recipient,
    *,
    mailbox: MailboxName,
    now: datetime,
) -> Receipt:
    """The receipt `01` of one addressed agency for a hand-over.

    Decree 30/2020 article 21: the receiver notifies receipt within the same day; the software does
    so itself after durable storage.
    """
    return Receipt(
        report=StatusReport(
            from_agency=Organization(organ_id=recipient.named or recipient.agency),
            to_organ_id=document.from_agency.organ_id,
            document_code=document.full_number,
            document_id=document.document_id,
            issued_on=document.issued_on,
            code=StatusCode.ARRIVED,
            description=ARRIVED_TEXT,
            at=now.replace(microsecond=0),
        ),
        answers=envelope.envelope_id,
        delivery=delivery_id(envelope.envelope_id, mailbox),
    )


def refusal(arrived: Receipt, problem: Problem) -> Receipt:
    """The receipt `02` in place of a receipt `01`: why it cannot be delivered, and what to do.

    Decision 28/2018: whoever refuses must say why; the software refuses for the agency only what
    no clerk will ever see.
    """
    vietnamese = Language.VIETNAMESE
    told = f"{problem.code}: {problem.text(vietnamese)} {problem.advice(vietnamese)}"
    said = {"code": StatusCode.REFUSED.value, "description": told}
    report = arrived.report.model_copy(update=said)
    return arrived.model_copy(update={"report": report, "problem": problem})
