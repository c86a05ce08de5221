"""Revocation: that a certificate counts no more, since when and why, and what that takes with it.

Who says so, an operator, a CRL or an OCSP responder, is gathered in `bus.keys`.
"""

from collections.abc import Iterable, Mapping
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
    """

    thumbprint: str
    at: datetime
    reason: RevocationReason
    source: RevocationSource

    def forbids(self, signed_at: datetime) -> bool:
        """Whether a signature with this signing time counts no more.

        What was signed before the revocation still counts, so that old documents stay provable,
        unless the key was compromised: whoever stole it can write any signing time.
        """
        return self.reason.is_compromise or signed_at >= self.at


def strictest(revocations: Iterable[Revocation]) -> Mapping[str, Revocation]:
    """One revocation for each thumbprint: of several the one that forbids the most."""
    found: dict[str, Revocation] = {}
    for revocation in revocations:
        known = found.setdefault(revocation.thumbprint, revocation)
        if _severity(revocation) < _severity(known):
            found[revocation.thumbprint] = revocation
    return found


def _severity(revocation: Revocation) -> tuple[bool, datetime]:
    return not revocation.reason.is_compromise, revocation.at
