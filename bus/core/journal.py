"""The journal of operators: who did what, when, to what, why, and with which result."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime

from schemas.problem import AxisError, ConfigurationError
from schemas.value import Value


class Outcome(StrEnum):
    """How an act of an operator ended."""

    BEGUN = "begun"
    """It is running, or it was killed and may have been done or not."""
    DONE = "done"
    REFUSED = "refused"
    """Nothing was changed, and the operator was told why."""
    FAILED = "failed"
    """It ended with an error; something may have been changed."""


class JournalEntry(Value):
    """One act of an operator.

    Attributes:
        at: When the act began.
        operator: The name that the machine or the operator gives; it is not signed.
        what: The command without its options, for example `keys revoke`.
        about: Its objects: codes of agencies, a thumbprint, an order, a file name.
        why: The reason that the operator gave.
        code: Why it was refused or failed: a code of the catalogue, or the class of the error.
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
        """The entry after the end of the act; `error`: the error that ended it, if any."""
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
    """Which entries are wanted. A field that is None or empty does not restrict them.

    Attributes:
        since: Only entries of this moment and later.
        until: Only entries before this moment.
        what: The beginning of the command, for example `keys` or `keys revoke`.
        about: A part of the objects.
    """

    since: datetime | None = None
    until: datetime | None = None
    operator: str = ""
    what: str = ""
    about: str = ""
