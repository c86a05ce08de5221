"""Outline: how many documents of which kind, to how many receivers, so that totals come out exact.

Only counts; who writes what to whom is the generator's.
"""

import random
from dataclasses import dataclass
from enum import StrEnum

FIRST_MONTH_DOCUMENTS = 8_315
FIRST_MONTH_DELIVERIES = 19_296
"""12 March to 12 April 2019, among the first 95 bodies (handbook, section 15)."""


class Part(StrEnum):
    """What a document does in the traffic."""

    LETTER = "letter"
    CIRCULAR = "circular"
    REPLY = "reply"
    RECALL = "recall"
    UPDATE = "update"
    REPLACE = "replace"


FOLLOW_UPS = (Part.RECALL, Part.UPDATE, Part.REPLACE)
"""They go to all the receivers of the letter that they are about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A document to be. `about` is the index of the earlier slot that it answers or changes."""

    part: Part
    receivers: int
    about: int | None = None


def outline(
    rng: random.Random, *, bodies: int, documents: int, deliveries: int | None = None
) -> tuple[Slot, ...]:
    """Spread deliveries over documents: letters and circulars first, what is about them after.

    Args:
        deliveries: To be met exactly; by default the ratio of the first month, or as near to it
            as so few bodies can come.

    Raises:
        ValueError: So many documents and deliveries cannot be had among so few bodies.
    """
    others = bodies - 1
    if others < 1 or documents < 1:
        raise ValueError("at least two bodies and one document are needed")
    wanted = deliveries or max(
        documents, documents * FIRST_MONTH_DELIVERIES // FIRST_MONTH_DOCUMENTS
    )
    # A third of what goes beyond one receiver each is circulars.
    beyond = wanted - documents
    circulars = max(beyond // 3 // others, int(beyond >= others)) if others > 1 else 0
    circulars = min(circulars, documents - 1)
    replies = (documents - circulars) * 12 // 100
    per_follow_up = documents // 100
    letters = documents - circulars - replies - per_follow_up * len(FOLLOW_UPS)

    followed = rng.sample(range(letters), k=per_follow_up * len(FOLLOW_UPS))
    cost = [1] * letters
    for letter in followed:
        cost[letter] = 2
    left = beyond - circulars * (others - 1)
    counts, left = _spread(rng, cost, most=others, extra=left)
    if left < 0 or (left and deliveries is not None):
        raise ValueError(f"{documents} documents among {bodies} bodies cannot make {deliveries}")

    slots = [Slot(part=Part.LETTER, receivers=count) for count in counts]
    slots += [Slot(part=Part.CIRCULAR, receivers=others)] * circulars
    slots += [
        Slot(part=Part.REPLY, receivers=1, about=rng.randrange(letters + circulars))
        for _ in range(replies)
    ]
    slots += [
        Slot(part=FOLLOW_UPS[index % len(FOLLOW_UPS)], receivers=counts[letter], about=letter)
        for index, letter in enumerate(followed)
    ]
    return tuple(slots)


def _spread(rng: random.Random, cost: list[int], *, most: int, extra: int) -> tuple[list[int], int]:
    """Give letters further receivers until `extra` is used up; return the counts and the rest.

    A letter with a follow-up costs two deliveries for each receiver.
    """
    counts = [1] * len(cost)
    open_letters = list(range(len(cost)))
    while extra > 0 and open_letters:
        position = rng.randrange(len(open_letters))
        letter = open_letters[position]
        if counts[letter] < most and cost[letter] <= extra:
            counts[letter] += 1
            extra -= cost[letter]
        else:
            open_letters[position] = open_letters[-1]
            open_letters.pop()
    return counts, extra
