"""Account: what became of every document, by what lies in folders, mailboxes and failures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.table import Table

from tests.chaos.load import Dropped
from tests.chaos.up import Up
from tests.support.folders import number_in


class Delivery(NamedTuple):
    """One document for one agency."""

    number: str
    receiver: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account of a run.

    Attributes:
        accepted: Deliveries of the files that their senders were told are sent.
        refused: Files that went back to their senders.
        outbox: Files that wait to be sent.
        delivered: How often each delivery was found in an inbox.
        answered: How often the receipt of each was found.
        parked: Deliveries that are dead letters.
        waiting: Messages in the mailboxes.
    """

    dropped: int
    accepted: frozenset[Delivery]
    refused: int
    outbox: int
    delivered: Counter[Delivery]
    answered: Counter[Delivery]
    parked: frozenset[Delivery]
    waiting: int

    @property
    def missing(self) -> frozenset[Delivery]:
        """Accepted, but neither delivered nor parked: it has to be waiting."""
        return self.accepted - self.delivered.keys() - self.parked

    @property
    def lost(self) -> int:
        """Accepted, and nowhere to be found."""
        return max(0, len(self.missing) - self.waiting)

    @property
    def twice(self) -> int:
        """Hand-overs of what had been handed over, receipts too."""
        both = (*self.delivered.values(), *self.answered.values())
        return sum(times - 1 for times in both)

    @property
    def unanswered(self) -> int:
        """Delivered, and no receipt came."""
        return len(self.delivered.keys() - self.answered.keys())

    @property
    def settled(self) -> bool:
        """Whether nothing is under way any more."""
        return not (self.missing or self.outbox or self.waiting or self.unanswered)

    @property
    def exact(self) -> bool:
        """Whether it reconciles: all dropped files answered, all deliveries accounted for."""
        return (
            not (self.lost or self.twice or self.refused or self.unanswered)
            and self.delivered.keys() <= self.accepted
            and len(self.accepted)
            == len(self.delivered.keys() - self.parked) + len(self.missing) + len(self.parked)
        )

    def table(self) -> Table:
        """For people."""
        table = Table(title="reconciliation", show_header=False)
        table.add_column(justify="right")
        table.add_column()
        for count, what in (
            (self.dropped, "files dropped"),
            (self.refused, "files refused (must be 0)"),
            (self.outbox, "files still in an outbox"),
            (len(self.accepted), "deliveries accepted ="),
            (len(self.delivered.keys() - self.parked), "  delivered"),
            (len(self.missing), "  + waiting in mailboxes"),
            (len(self.parked), "  + parked"),
            (len(self.answered), "signed receipts"),
            (self.unanswered, "delivered without a receipt (must be 0)"),
            (self.lost, "lost (must be 0)"),
            (self.twice, "handed over twice (must be 0)"),
        ):
            table.add_row(f"{count:,}", what)
        return table


async def take_account(up: Up, dropped: Mapping[str, Dropped], *, codes: Sequence[str]) -> Account:
    """Look everywhere.

    Args:
        codes: Whose documents count; those of a thief do not.
    """
    folders = up.folders
    sent = {name for code in codes for name in folders.sent(code)}
    accepted = frozenset(
        Delivery(number, receiver)
        for number, document in dropped.items()
        if document.name in sent
        for receiver in document.receivers
    )
    delivered = Counter(
        Delivery(number, code)
        for code in codes
        for number in map(number_in, folders.documents(code))
        if number in dropped
    )
    answered = Counter(
        Delivery(number, name.partition("_")[0])
        for code in codes
        for name in folders.statuses(code)
        if (number := number_in(name)) in dropped
    )
    parked = frozenset(
        Delivery(number, letter.mailbox)
        for letter in await up.parked()
        if letter.number and letter.kind == "document"
        if (number := letter.number.partition("/")[0]) in dropped
    )
    return Account(
        dropped=len(dropped),
        accepted=accepted,
        refused=sum(len(folders.refused(code)) for code in codes),
        outbox=sum(len(folders.outbox(code)) for code in codes),
        delivered=delivered,
        answered=answered,
        parked=parked,
        waiting=await up.waiting(),
    )
