"""Selection: which dead letters an operator means."""

from enum import StrEnum

from pydantic import AwareDatetime

from bus.core.dead_letters.letter import LetterId, LetterState
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from schemas.value import Value


class Selection(Value):
    """A filter: everything given must hold. Empty, it means all.

    Attributes:
        ids: These letters, by their full ids.
        number: Full number of the document, exactly.
        since: Failed last at this moment or later.
        until: Failed last before this moment.
        returned: Only those that came back from a replay, or only those that did not.
    """

    ids: tuple[LetterId, ...] = ()
    states: tuple[LetterState, ...] = ()
    mailbox: MailboxName | None = None
    sender: str | None = None
    failure_class: FailureClass | None = None
    code: str | None = None
    fingerprint: str | None = None
    number: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    returned: bool | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing but states was asked for."""
        return self.model_copy(update={"states": ()}) == Selection()


class Sort(StrEnum):
    """What a list is sorted by; `-` in front of nothing: the newest comes first by default."""

    NEWEST = "newest"
    OLDEST = "oldest"
    ATTEMPTS = "attempts"
