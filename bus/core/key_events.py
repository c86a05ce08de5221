"""Events of keys, certificates and the sources that say which certificates are revoked."""

from datetime import datetime, timedelta

from bus.core.events import Event, Level
from bus.core.revocation.statement import RevocationReason
from schemas.identifiers import MailboxName
from schemas.problem import Problem


class CertificateEndNeared(Event, level=Level.WARNING):
    """A certificate expires within `ahead`: 30, 7 or 1 days; reported once for each of them."""

    mailbox: MailboxName
    thumbprint: str
    not_after: datetime
    ahead: timedelta


class KeyFileRefused(Event, level=Level.ERROR):
    """A file of the key folder or of the trust list is ignored; reported once, with the reason."""

    problem: Problem


class SigningKeyChanged(Event, level=Level.INFO):
    """A mailbox signs with another certificate from now on, or cannot sign.

    Attributes:
        thumbprint: None: it cannot sign, and its files wait.
        problem: Why it cannot sign.
    """

    mailbox: MailboxName
    thumbprint: str | None
    problem: Problem | None = None

    @property
    def level(self) -> Level:
        """Higher when the mailbox cannot sign."""
        return self._level if self.problem is None else Level.ERROR


class CertificateRevoked(Event, level=Level.WARNING):
    """A source has proven that a certificate is revoked; every worker will read this at once.

    Attributes:
        thumbprint: Of an agency's certificate, or of an authority above it.
        evidence: Which list or responder said so, and of which date the answer is.
    """

    thumbprint: str
    subject: str
    at: datetime
    reason: RevocationReason
    evidence: str


class RevocationSourceAsked(Event, level=Level.DEBUG):
    """A CRL or an OCSP responder was asked. A metric shows the age of its last valid answer.

    Attributes:
        answered: Whether the answer is valid.
        answered_at: The time of the last valid answer; None: there has been none.
    """

    source: str
    answered: bool
    answered_at: datetime | None


class RevocationSourceLost(Event, level=Level.WARNING):
    """A source no longer gives a valid answer. Traffic continues with the last valid one."""

    source: str
    problem: Problem
    answered_at: datetime | None


class RevocationGraceEnded(Event, level=Level.ERROR):
    """A source has been unavailable for longer than the configured grace. Traffic continues."""

    source: str
    problem: Problem
    answered_at: datetime | None


class RevocationSourceReturned(Event, level=Level.INFO):
    """A source that was lost gives valid answers again."""

    source: str
    away: timedelta
