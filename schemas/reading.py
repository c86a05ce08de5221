"""Reading: what a format made of a source, with every repair named."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.document import Document
from schemas.identifiers import Sha256
from schemas.problem import Warned
from schemas.status import StatusReport
from schemas.value import Value

ABSENT = "absent"


class SignatureOutcome(StrEnum):
    """The three outcomes of a header signature (handbook 2.5); never two."""

    VERIFIED = "verified"
    INVALID = "invalid"
    UNVERIFIABLE = "unverifiable"


class SignatureCheck(Value):
    """What the header signature proves. Trust in the certificate is a separate question."""

    outcome: SignatureOutcome
    reason: str | None = None
    signer: str | None = None
    certificate_sha256: Sha256 | None = None

    @property
    def is_absent(self) -> bool:
        """Whether there was no signature to check."""
        return self.outcome is SignatureOutcome.UNVERIFIABLE and self.reason == ABSENT


class Source(Value):
    """The exact bytes an agency's system gave us, kept in the attachment store."""

    format: str
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Reading(Value):
    """A read message with its warnings. `repaired` says the source was not well formed as sent."""

    message: Document | StatusReport
    warnings: tuple[Warned, ...] = ()
    signature: SignatureCheck = SignatureCheck(outcome=SignatureOutcome.UNVERIFIABLE, reason=ABSENT)
    repaired: bool = False
