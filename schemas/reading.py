"""The result of reading a file: the message, with warnings for every repair."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.document import Document
from schemas.identifiers import Sha256
from schemas.problem import Warned
from schemas.status import StatusReport
from schemas.term import SafeText, Term
from schemas.value import Value

ABSENT = "absent"


class SignatureOutcome(StrEnum):
    """The three outcomes of a header signature (`docs/edxml.md`)."""

    VERIFIED = "verified"
    INVALID = "invalid"
    UNVERIFIABLE = "unverifiable"


class SignatureCheck(Value):
    """What the header signature proves, without trust in the certificate.

    Attributes:
        reason: The code of a term (`schemas.terms`) that says why it is not verified.
        reason_params: The values of this term.
    """

    outcome: SignatureOutcome
    reason: str | None = None
    reason_params: dict[str, SafeText] = {}
    signer: str | None = None
    certificate_sha256: Sha256 | None = None

    @property
    def why(self) -> Term | None:
        """The reason as a term."""
        return None if self.reason is None else Term(code=self.reason, params=self.reason_params)

    @property
    def is_absent(self) -> bool:
        """Whether there was no signature to check."""
        return self.outcome is SignatureOutcome.UNVERIFIABLE and self.reason == ABSENT


def unverifiable(reason: Term) -> SignatureCheck:
    """The check of a signature that proves nothing."""
    return with_reason(SignatureCheck(outcome=SignatureOutcome.UNVERIFIABLE), reason)


def with_reason(check: SignatureCheck, reason: Term) -> SignatureCheck:
    """A copy with another reason."""
    return check.model_copy(update={"reason": reason.code, "reason_params": reason.params})


class Source(Value):
    """The original bytes from an agency's system, in the attachment store."""

    format: str
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Reading(Value):
    """A message with its warnings; `repaired`: the file was not well formed."""

    message: Document | StatusReport
    warnings: tuple[Warned, ...] = ()
    signature: SignatureCheck = SignatureCheck(outcome=SignatureOutcome.UNVERIFIABLE, reason=ABSENT)
    repaired: bool = False
