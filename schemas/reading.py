"""Reading: what a format made of a source, with every repair named."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.document import Document
from schemas.identifiers import Sha256
from schemas.problem import Warned
from schemas.status import StatusReport
from schemas.term import Tellable, Term
from schemas.value import Value

ABSENT = "absent"


class SignatureOutcome(StrEnum):
    """The three outcomes of a header signature (handbook 2.5); never two."""

    VERIFIED = "verified"
    INVALID = "invalid"
    UNVERIFIABLE = "unverifiable"


class SignatureCheck(Value):
    """What the header signature proves. Trust in the certificate is a separate question.

    Attributes:
        reason: The code of a term (`schemas.terms`): why it is not verified; with its values.
    """

    outcome: SignatureOutcome
    reason: str | None = None
    reason_params: dict[str, Tellable] = {}
    signer: str | None = None
    certificate_sha256: Sha256 | None = None

    @property
    def why(self) -> Term | None:
        """The reason, to be told in either language."""
        return None if self.reason is None else Term(code=self.reason, params=self.reason_params)

    @property
    def is_absent(self) -> bool:
        """Whether there was no signature to check."""
        return self.outcome is SignatureOutcome.UNVERIFIABLE and self.reason == ABSENT


def unverifiable(reason: Term) -> SignatureCheck:
    """A signature that proves nothing, neither way."""
    return with_reason(SignatureCheck(outcome=SignatureOutcome.UNVERIFIABLE), reason)


def with_reason(check: SignatureCheck, reason: Term) -> SignatureCheck:
    """The same outcome for another reason."""
    return check.model_copy(update={"reason": reason.code, "reason_params": reason.params})


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
