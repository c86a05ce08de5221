"""What operators, CRLs and OCSP responders say about a certificate: revoked or not revoked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.x509 import ocsp
from pydantic import AwareDatetime

from bus.core.certificate import UnreadableError
from schemas.problem import AxisError
from schemas.term import term

TOLERANCE = timedelta(minutes=10)
"""How far the clock of a source may differ from ours, as for signers."""

LASTS_WITHOUT_NEXT_UPDATE = timedelta(days=1)
"""How long an answer is valid that does not say when the next one is due (RFC 6960, 4.2.2.1)."""

BROKEN_HASHES = frozenset({"md5", "sha1"})
"""A signature with one of these proves nothing."""


class RevocationReason(StrEnum):
    """Why a certificate was revoked, in the words of RFC 5280, 5.3.1."""

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
        """Whether somebody else may have the key. Then the signing time proves nothing."""
        return self.value in {"keyCompromise", "cACompromise", "aACompromise"}


class RevocationSource(StrEnum):
    """Who reports a revocation."""

    OPERATOR = "operator"
    CRL = "crl"
    OCSP = "ocsp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Revocation:
    """A certificate is not valid any more.

    Attributes:
        thumbprint: The thumbprint of the certificate (`x5t#S256`), as in `CertifiedKey`.
        at: The first moment of the revocation, UTC, in whole seconds like signing times.
        stated_in: The name of the list or responder; empty for an operator.
        stated_at: When the list or the answer was made.
    """

    thumbprint: str
    at: AwareDatetime
    reason: RevocationReason
    source: RevocationSource = RevocationSource.OPERATOR
    stated_in: str = ""
    stated_at: datetime | None = None

    def forbids(self, signed_at: datetime, *, received_at: datetime | None = None) -> bool:
        """Whether a signature with this signing time is invalid.

        A signature from before the revocation stays valid, so that old documents can be verified.
        The exception is a compromised key, because a thief can write any signing time. Then the
        signature is valid only if we received it before the revocation.

        Args:
            received_at: When our own records first contain the signature; None: just now.
        """
        if self.reason.is_compromise:
            return received_at is None or received_at >= self.at
        return signed_at >= self.at

    def severity(self) -> tuple[bool, datetime]:
        """A sort key: the revocation that makes most signatures invalid comes first."""
        return not self.reason.is_compromise, self.at

    @property
    def evidence(self) -> str:
        """Who reported the revocation, and when."""
        if not self.stated_in:
            return self.source
        at = f" ({self.stated_at.isoformat()})" if self.stated_at else ""
        return f"{self.stated_in}{at}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assurance:
    """A source says that a certificate is not revoked. The attributes are as in `Revocation`."""

    thumbprint: str
    stated_in: str
    stated_at: datetime


def most_severe(stated: Sequence[Revocation]) -> Revocation:
    """Choose from several statements of one source about one certificate; at least one is given.

    A final revocation takes precedence over a hold, and a compromise over other reasons
    (RFC 5280, 5.3.1).
    """
    lasting = [each for each in stated if each.reason is not RevocationReason.CERTIFICATE_HOLD]
    return min(lasting or stated, key=Revocation.severity)


def strictest(revocations: Iterable[Revocation]) -> Mapping[str, Revocation]:
    """One revocation for each thumbprint: the one that makes most signatures invalid."""
    found: dict[str, Revocation] = {}
    for revocation in revocations:
        known = found.setdefault(revocation.thumbprint, revocation)
        if revocation.severity() < known.severity():
            found[revocation.thumbprint] = revocation
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A verified answer of a list or a responder.

    Attributes:
        said_at: When it was made (`thisUpdate`).
        until: When the next one is due (`nextUpdate`).
        revocations: The certificates that were asked about and are revoked.
        assurances: Those that were asked about and are not revoked.
    """

    said_at: datetime
    until: datetime | None
    revocations: tuple[Revocation, ...] = ()
    assurances: tuple[Assurance, ...] = ()


class UnprovenError(UnreadableError):
    """A CRL or an OCSP response proves nothing; `cause` says why."""


@contextmanager
def proving(source: str) -> Iterator[None]:
    """Convert `UnreadableError` to `TransportError` E_REVOCATION_SOURCE about this source."""
    try:
        yield
    except UnreadableError as error:
        raise AxisError.of("E_REVOCATION_SOURCE", source=source, cause=error.cause) from error


def check_times(*, said_at: datetime, until: datetime | None, now: datetime) -> None:
    """Raise `UnprovenError` for an answer that is out of date or from the future."""
    if said_at > now + TOLERANCE:
        raise UnprovenError(term("answer_future", at=said_at.isoformat()))
    end = until or said_at + LASTS_WITHOUT_NEXT_UPDATE
    if end < now - TOLERANCE:
        raise UnprovenError(term("answer_stale", at=end.isoformat()))


def check_hash(signed: x509.CertificateRevocationList | ocsp.OCSPResponse) -> None:
    """Raise `UnprovenError` for an answer whose signature uses a broken hash."""
    hashed = signed.signature_hash_algorithm
    if hashed is not None and hashed.name in BROKEN_HASHES:
        raise UnprovenError(term("answer_weak", algorithm=hashed.name))


def check_critical(
    extensions: x509.Extensions,
    known: frozenset[x509.ObjectIdentifier],
    cause: str = "list_critical",
) -> None:
    """Raise `UnprovenError` for an unknown critical extension (RFC 5280, 5.2; RFC 6960, 4.4)."""
    for extension in extensions:
        if extension.critical and extension.oid not in known:
            raise UnprovenError(term(cause, oid=extension.oid.dotted_string))


def reason_of(flag: x509.ReasonFlags | None) -> RevocationReason | None:
    """Convert a reason; None for removeFromCRL, which says that a hold has ended."""
    if flag is None:
        return RevocationReason.UNSPECIFIED
    if flag is x509.ReasonFlags.remove_from_crl:
        return None
    return RevocationReason(flag.value)
