"""Duplicates: the rule that decides what is done with a delivery that may have come before.

By outcome (docs/wire-contract.md): done → the same receipts again; in work → left alone; offered
to a system that answers later → acknowledged, and not offered a second time; other
content of the same document → a conflict, for a person; anything else → worked on. Every inbox, in
a database or in memory, keeps what this rule needs and obeys it.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from schemas.identifiers import EnvelopeId
from schemas.value import Value


class Standing(StrEnum):
    """Where a delivery stands when it is claimed.

    Attributes:
        OFFERED: The recipient's system has it, and answers later.
        REFUSED: That system has refused it, and its failure is published; the endpoint has not
            forgotten the offer yet. The answer to a claim is `IN_PROGRESS`.
    """

    FRESH = "fresh"
    DONE = "done"
    IN_PROGRESS = "in_progress"
    OFFERED = "offered"
    REFUSED = "refused"
    CONFLICT = "conflict"


class Rival(Value):
    """Other content of the same document, which was handed over before; `at` None: is in work."""

    envelope_id: EnvelopeId
    at: datetime | None


class Known(Protocol):
    """A delivery that was claimed before, as an inbox keeps it."""

    @property
    def envelope_id(self) -> EnvelopeId:
        """Its content: one id always means one content."""

    @property
    def standing(self) -> Standing:
        """`FRESH` when it was claimed and given back."""

    @property
    def lease(self) -> datetime | None:
        """Until when whoever claimed it works on it."""

    @property
    def done_at(self) -> datetime | None:
        """When it was handed over."""


def judge(
    envelope_id: EnvelopeId, before: Known | None, versions: Iterable[Known], *, now: datetime
) -> tuple[Standing, Rival | None]:
    """Where a delivery that is claimed now stands, and what it is in conflict with.

    Args:
        before: The same delivery, when it was claimed before.
        versions: Every delivery of the same document to the same mailbox, this one included.
    """
    if before is not None:
        if before.standing in {Standing.DONE, Standing.OFFERED}:
            return before.standing, None
        if before.standing is Standing.REFUSED or _is_in_work(before, now):
            return Standing.IN_PROGRESS, None
    rival = _rival(envelope_id, versions, now)
    # Once in conflict, always: a person decides.
    was_in_conflict = before is not None and before.standing is Standing.CONFLICT
    return (Standing.CONFLICT if rival or was_in_conflict else Standing.FRESH), rival


def _rival(envelope_id: EnvelopeId, versions: Iterable[Known], now: datetime) -> Rival | None:
    """The content that was handed over first; if none was, one that is in work."""
    rivals = [
        Rival(envelope_id=other.envelope_id, at=other.done_at)
        for other in versions
        if other.envelope_id != envelope_id
        and (other.standing in {Standing.DONE, Standing.OFFERED} or _is_in_work(other, now))
    ]
    return min(rivals, key=lambda rival: (rival.at is None, rival.at or now), default=None)


def _is_in_work(known: Known, now: datetime) -> bool:
    return known.standing is Standing.IN_PROGRESS and known.lease is not None and now < known.lease
