"""Outline: how many documents of which kind go to how many receivers, with exact totals."""

import random
from dataclasses import dataclass

from bus.demo.drop import DropKind

FIRST_MONTH_DOCUMENTS = 8_315
FIRST_MONTH_DELIVERIES = 19_296
"""12 March to 12 April 2019, among the first 95 bodies."""

_FOLLOW_UPS = (DropKind.RECALL, DropKind.UPDATE, DropKind.REPLACE)
"""They go to all receivers of the letter that they are about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedDocument:
    """A document that is not written yet.

    Attributes:
        receivers: How many.
        about: The index of the earlier document that it answers or changes.
    """

    kind: DropKind
    receivers: int
    about: int | None = None


def outline(
    rng: random.Random, *, bodies: int, documents: int, deliveries: int | None = None
) -> tuple[PlannedDocument, ...]:
    """Distribute deliveries over documents: first letters and circulars, then what is about them.

    Args:
        deliveries: The exact number; by default the ratio of the first month, or as near to it as
            so few bodies allow.

    Raises:
        ValueError: So many documents and deliveries are impossible among so few bodies.
    """
    others = bodies - 1
    if others < 1 or documents < 1:
        raise ValueError("at least two bodies and one document are needed")
    wanted = deliveries or max(
        documents, documents * FIRST_MONTH_DELIVERIES // FIRST_MONTH_DOCUMENTS
    )
    # A third of the deliveries beyond one for each document is for circulars.
    beyond = wanted - documents
    circulars = max(beyond // 3 // others, int(beyond >= others)) if others > 1 else 0
    circulars = min(circulars, documents - 1)
    replies = (documents - circulars) * 12 // 100
    follow_ups = documents // 100 * len(_FOLLOW_UPS)
    letters = documents - circulars - replies - follow_ups
    followed = rng.sample(range(letters), k=follow_ups)
    counts, left = _receivers(
        rng, letters, set(followed), most=others, extra=beyond - circulars * (others - 1)
    )
    if left < 0 or (left and deliveries is not None):
        raise ValueError(f"{documents} documents among {bodies} bodies cannot make {deliveries}")
    return (
        *(PlannedDocument(kind=DropKind.LETTER, receivers=count) for count in counts),
        *[PlannedDocument(kind=DropKind.CIRCULAR, receivers=others)] * circulars,
        *(
            PlannedDocument(
                kind=DropKind.REPLY, receivers=1, about=rng.randrange(letters + circulars)
            )
            for _ in range(replies)
        ),
        *(
            PlannedDocument(
                kind=_FOLLOW_UPS[index % len(_FOLLOW_UPS)], receivers=counts[letter], about=letter
            )
            for index, letter in enumerate(followed)
        ),
    )


def _receivers(
    rng: random.Random, letters: int, followed: set[int], *, most: int, extra: int
) -> tuple[list[int], int]:
    """How many receivers each letter has, and how much of `extra` is left.

    A further receiver of a letter with a follow-up costs two deliveries.
    """
    counts, open_letters = [1] * letters, list(range(letters))
    while extra > 0 and open_letters:
        position = rng.randrange(len(open_letters))
        letter = open_letters[position]
        cost = 2 if letter in followed else 1
        if counts[letter] < most and cost <= extra:
            counts[letter] += 1
            extra -= cost
        else:
            open_letters[position] = open_letters[-1]
            open_letters.pop()
    return counts, extra
