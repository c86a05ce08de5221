"""Statements about a certificate: that it is revoked, or that a source knows of no revocation.

Made by an operator, a CRL or an OCSP responder. `Answer` is what a list or a responder proved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.x509 import ReasonFlags

from schemas.problem import AxisError
from schemas.term import Coded, term

TOLERANCE = timedelta(minutes=10)
"""How far the source's clock may be from ours, as with signers."""

LASTS_WITHOUT_NEXT_UPDATE = timedelta(days=1)
"""For an answer that does not say when the next one is due (RFC 6960, 4.2.2.1)."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A proven answer.

    Attributes:
        said_at: When it was made (`thisUpdate`).
        until: When the next is due (`nextUpdate`).
        revocations: What was asked about and is revoked.
        assurances: What was asked about and is not.
    """

    said_at: datetime
    until: datetime | None
    revocations: tuple[Revocation, ...] = ()
    assurances: tuple[Assurance, ...] = ()


def check_times(source: str, *, said_at: datetime, until: datetime | None, now: datetime) -> None:
    """Refuse what is not of today.

    Raises:
        TransportError: E_REVOCATION_SOURCE; it is stale, or from the future.
    """
    if said_at > now + TOLERANCE:
        raise refuse(source, term("answer_future", at=said_at.isoformat()))
    end = until or said_at + LASTS_WITHOUT_NEXT_UPDATE
    if end < now - TOLERANCE:
        raise refuse(source, term("answer_stale", at=end.isoformat()))


def reason_of(flag: ReasonFlags | None) -> RevocationReason | None:
    """The reason in our words; None: not revoked any more (removeFromCRL)."""
    if flag is None:
        return RevocationReason.UNSPECIFIED
    if flag is ReasonFlags.remove_from_crl:
        return None
    return RevocationReason(flag.value)


def refuse(source: str, cause: Coded) -> AxisError:
    """The answer that proves nothing."""
    return AxisError.of("E_REVOCATION_SOURCE", source=source, cause=cause)
