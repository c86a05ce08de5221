"""Answer: what a CRL or an OCSP responder proved to us, and the rules that are common to both."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.x509 import ReasonFlags

from bus.core.revocation.statement import Assurance, Revocation, RevocationReason
from schemas.problem import AxisError
from schemas.term import Coded, term

TOLERANCE = timedelta(minutes=10)
"""How far the source's clock may be from ours, as with signers."""

LASTS_WITHOUT_NEXT_UPDATE = timedelta(days=1)
"""For an answer that does not say when the next one is due (RFC 6960, 4.2.2.1)."""


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
