"""Preview: what an order would do, told before it is placed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import DeadLetter, LetterState
from bus.core.dead_letters.order import Action, Order
from bus.core.dead_letters.selection import Selection
from schemas.identifiers import MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The part of an order's letters that failed for one reason."""

    mailbox: MailboxName
    code: str
    fingerprint: str
    letters: int
    oldest: datetime
    newest: datetime

    def joined(self, other: "Share") -> "Share":
        """Both parts together; they have one reason."""
        return Share(
            mailbox=self.mailbox,
            code=self.code,
            fingerprint=self.fingerprint,
            letters=self.letters + other.letters,
            oldest=min(self.oldest, other.oldest),
            newest=max(self.newest, other.newest),
        )

    @classmethod
    def of_cause(cls, cause: Cause) -> Self:
        """All letters of a cause."""
        return cls(
            mailbox=cause.mailbox,
            code=cause.code,
            fingerprint=cause.fingerprint,
            letters=sum(cause.counts.values()),
            oldest=cause.oldest,
            newest=cause.newest,
        )

    @classmethod
    def of_letter(cls, letter: DeadLetter) -> Self:
        """One letter."""
        return cls(
            mailbox=letter.mailbox,
            code=letter.problem.code,
            fingerprint=letter.fingerprint,
            letters=1,
            oldest=letter.first_failed_at,
            newest=letter.failed_at,
        )


def added_up(shares: Iterable[Share]) -> tuple[Share, ...]:
    """One share for each reason, the largest first."""
    by_reason: dict[str, Share] = {}
    for share in shares:
        known = by_reason.get(share.fingerprint)
        by_reason[share.fingerprint] = share if known is None else known.joined(share)
    return tuple(sorted(by_reason.values(), key=lambda share: -share.letters))


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What an order is about, as far as it can be known before it is placed.

    Attributes:
        selection: What the order will be placed with: only states that the action acts upon.
        found: Letters that are meant and can be acted upon.
        taken: Those within the limit.
        left: Letters that are meant, but stand where the action leaves them alone.
        busy: Orders under way: what they hold is not taken.
    """

    action: Action
    selection: Selection
    found: int
    taken: int
    shares: tuple[Share, ...]
    left: Mapping[LetterState, int]
    busy: tuple[Order, ...]
    needs_yes: bool
    needs_approval: bool


def is_worth_telling(state: LetterState, action: Action, selection: Selection) -> bool:
    """Who names a letter wants to hear of it; a group is full of what was settled long ago."""
    return bool(selection.ids) or (action, state) == (Action.REPLAY, LetterState.QUARANTINED)
