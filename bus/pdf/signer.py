"""Signer: who a signature says that it is of, and when it was made."""

from datetime import datetime
from hashlib import sha256
from typing import cast

from asn1crypto import x509
from pyhanko.sign.validation import EmbeddedPdfSignature, PdfSignatureStatus

from schemas.verdict import PdfOutcome, PdfSigner

_MAX_SAID = 200


def stamp_of(status: PdfSignatureStatus) -> datetime | None:
    """When the signature existed at the latest, if a trusted time stamp says so."""
    stamp = status.timestamp_validity
    return aware(stamp.timestamp) if stamp is not None and stamp.trusted else None


def identity_of(signature: EmbeddedPdfSignature) -> PdfSigner:
    """Who signed, and when by their own word; nothing is judged yet."""
    certificate = cast("x509.Certificate", signature.signer_cert)
    return PdfSigner(
        name=common_name_of(certificate.subject),
        issuer=common_name_of(certificate.issuer),
        certificate_sha256=sha256(certificate.dump()).hexdigest(),
        signed_at=aware(signature.self_reported_timestamp),
        outcome=PdfOutcome.INDETERMINATE,
    )


def common_name_of(name: x509.Name) -> str:
    """What a person calls somebody; the whole name where it has no such part."""
    said = name.native.get("common_name", name.human_friendly)
    return str(said)[:_MAX_SAID]


def aware(moment: datetime | None) -> datetime | None:
    """A moment without a zone is none that can be compared."""
    return moment if moment is not None and moment.tzinfo is not None else None
