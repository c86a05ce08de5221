"""Journal: what operators did: who, when, what, about what, why, and how it ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime

from schemas.problem import AxisError, ConfigurationError
from schemas.value import Value


class Outcome(StrEnum):
    """How an operator's act ended."""

    BEGUN = "begun"
    """It is under way; or the command was killed, and nobody knows whether it was done."""
    DONE = "done"
    REFUSED = "refused"
    """Nothing was changed, and the operator was told why."""
    FAILED = "failed"
    """It broke off: something may have been changed."""


class JournalEntry(Value):
    """One act of an operator.

    Attributes:
        id: Of this entry.
        at: When the act began.
        operator: Who acted, as the machine or the operator says; nobody signed it.
        what: The command without its options, for example `keys revoke`.
        about: What it was done to: codes of agencies, a thumbprint, an order, a file name.
        why: The reason that the operator gave.
        code: Why it was refused or failed; a code of the catalogue where there is one.
    """

    id: str
    at: AwareDatetime
    operator: str
    what: str
    about: str = ""
    why: str | None = None
    outcome: Outcome = Outcome.BEGUN
    code: str | None = None

    def ended(self, error: BaseException | None) -> Self:
        """The entry once the act has ended, by the error with which it ended, if any."""
        match error:
            case None:
                outcome, code = Outcome.DONE, None
            case ConfigurationError():
                outcome, code = Outcome.REFUSED, error.problem.code
            case AxisError():
                outcome, code = Outcome.FAILED, error.problem.code
            case _:
                outcome, code = Outcome.FAILED, type(error).__name__
        return self.model_copy(update={"outcome": outcome, "code": code})


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalFilter:
    """Which entries are wanted; what is None or empty leaves nothing out.

    Attributes:
        since: Entries of this moment and later.
        until: Entries before this moment.
        what: How the command begins: `keys`, or `keys revoke`.
        about: A part of what it was about.
    """

    since: datetime | None = None
    until: datetime | None = None
    operator: str = ""
    what: str = ""
    about: str = ""
