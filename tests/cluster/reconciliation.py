"""Reconciliation: accepted = delivered + waiting + parked, nothing lost and nothing twice."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple


class Delivery(NamedTuple):
    """One document for one agency."""

    number: str
    recipient: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """What became of all documents whose senders were told that they are sent.

    Attributes:
        delivered: How often each was found in its recipient's inbox.
        answered: How often its receipt was found in its sender's.
        waiting: Messages in the mailboxes.
        parked: Messages in `failures`, and dead letters that are not delivered again.
    """

    accepted: frozenset[Delivery]
    delivered: Counter[Delivery]
    answered: Counter[Delivery]
    waiting: int
    parked: int

    @property
    def lost(self) -> int:
        """Accepted, and nowhere to be found."""
        missing = len(self.accepted - self.delivered.keys())
        return max(missing - self.waiting - self.parked, 0)

    @property
    def twice(self) -> int:
        """Documents and receipts handed over again."""
        return sum(
            times - 1 for counter in (self.delivered, self.answered) for times in counter.values()
        )

    def __str__(self) -> str:
        return (
            f"accepted {len(self.accepted)} = delivered {len(self.delivered)} + waiting "
            f"{self.waiting} + parked {self.parked}; receipts {len(self.answered)}; "
            f"lost {self.lost}, twice {self.twice}"
        )

    def check(self) -> None:
        """Fail unless the account is even."""
        assert self.lost == self.twice == 0, self
        assert len(self.accepted) == len(self.delivered) + self.waiting + self.parked, self
        assert self.answered.keys() == self.delivered.keys(), self
