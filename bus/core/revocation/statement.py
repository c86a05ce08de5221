"""Revocation: that a certificate counts no more, since when and why, and what that takes with it.

Who says so, an operator, a CRL or an OCSP responder, is gathered in `bus.keys`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RevocationReason(StrEnum):
    """Why, in the words of RFC 5280, 5.3.1."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"
    AA_COMPROMISE = "aACompromise"

    @property
    def is_compromise(self) -> bool:
        """Whether another than the owner may have signed: then no signing time can be believed."""
        return self in _COMPROMISES


_COMPROMISES = frozenset(
    {
        RevocationReason.KEY_COMPROMISE,
        RevocationReason.CA_COMPROMISE,
        RevocationReason.AA_COMPROMISE,
    }
)


class RevocationSource(StrEnum):
    """Who says so."""

    OPERATOR = "operator"
    CRL = "crl"
    OCSP = "ocsp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Revocation:
    """A certificate counts no more.

    Attributes:
        thumbprint: Of the certificate (`x5t#S256`), as in `CertifiedKey`.
        at: From this moment on, inclusive, UTC. Whole seconds, as signing times are.
        stated_in: Which list or responder says so; empty for an operator.
        stated_at: When that list was made, or that answer given.
    """

    thumbprint: str
    at: datetime
    reason: RevocationReason
    source: RevocationSource
    stated_in: str = ""
    stated_at: datetime | None = None

    def forbids(self, signed_at: datetime, *, received_at: datetime | None = None) -> bool:
        """Whether a signature with this signing time counts no more.

        What was signed before the revocation still counts, so that old documents stay provable,
        unless the key was compromised: whoever stole it can write any signing time. Then only a
        record of our own helps: what was received before the revocation was not made by a thief
        who came after it.

        Args:
            received_at: When our own records first hold the signature; None: just now.
        """
        if self.reason.is_compromise:
            return received_at is None or received_at >= self.at
        return signed_at >= self.at

    def severity(self) -> tuple[bool, datetime]:
        """Sorts what forbids the most first."""
        return not self.reason.is_compromise, self.at

    @property
    def evidence(self) -> str:
        """Who says so, and in what of when."""
        if not self.stated_in:
            return self.source
        at = f" ({self.stated_at.isoformat()})" if self.stated_at else ""
        return f"{self.stated_in}{at}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assurance:
    """A source knows of no revocation.

    Attributes:
        thumbprint: Of the certificate that was asked about.
        stated_in: Which list or responder.
        stated_at: When that list was made, or that answer given.
    """

    thumbprint: str
    stated_in: str
    stated_at: datetime


def weightiest(stated: Sequence[Revocation]) -> Revocation:
    """Of what one source says of one certificate, what holds; at least one is given.

    What is revoked for good is so whatever else is said: a hold is no milder word for it, and a
    compromise stays one (RFC 5280, 5.3.1).
    """
    lasting = [each for each in stated if each.reason is not RevocationReason.CERTIFICATE_HOLD]
    return min(lasting or stated, key=Revocation.severity)


def strictest(revocations: Iterable[Revocation]) -> Mapping[str, Revocation]:
    """One revocation for each thumbprint: of several the one that forbids the most."""
    found: dict[str, Revocation] = {}
    for revocation in revocations:
        known = found.setdefault(revocation.thumbprint, revocation)
        if revocation.severity() < known.severity():
            found[revocation.thumbprint] = revocation
    return found
