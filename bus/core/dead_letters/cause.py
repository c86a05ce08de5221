"""Cause: why dead letters that belong together failed, and what to do about it."""

from dataclasses import dataclass
from datetime import datetime

from bus.core.dead_letters.letter import LetterId, LetterState
from schemas.identifiers import MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Letters that failed for the same reason.

    Attributes:
        example: The one that failed last, which `stage`, `mailbox` and the like are taken from.
        oldest: The one that has stood longest since its last failure.
        newest: The one that failed last.
        recent: How many of them failed first within the last hour.
        earlier: How many in the hour before it.
    """

    fingerprint: str
    mailbox: MailboxName
    stage: str
    failure_class: str
    code: str
    field: str | None
    example: LetterId
    counts: dict[LetterState, int]
    oldest: datetime
    newest: datetime
    recent: int
    earlier: int
