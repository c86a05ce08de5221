"""Correspondence: who writes to whom, and when; what goes wrong with it is the generator's."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import assert_never

from bus.demo.bodies import Body
from bus.demo.drop import DropKind
from bus.demo.outline import Part, Slot
from bus.demo.texts import TYPES_ACROSS, TYPES_DOWN, TYPES_UP
from bus.demo.writer import Kinds, Writer
from schemas.document import Document

_PERIOD = timedelta(days=31)
LETTERS: dict[DropKind, Kinds] = {
    DropKind.DOWN: TYPES_DOWN,
    DropKind.UP: TYPES_UP,
    DropKind.ACROSS: TYPES_ACROSS,
    DropKind.CIRCULAR: TYPES_DOWN,
}
"""What documents that are about no other are like, by their direction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A document that is to arrive: who wrote it, and who gets it."""

    kind: DropKind
    sender: Body
    receivers: tuple[Body, ...]
    document: Document
    wave: int = 0


class Correspondence:
    """Writes the documents of a month that ends today."""

    def __init__(
        self, rng: random.Random, bodies: Sequence[Body], writer: Writer, today: date
    ) -> None:
        self._rng = rng
        self._writer = writer
        self._today = today
        self._everybody = tuple(bodies)
        self._centre = tuple(body for body in bodies if not body.is_province)
        self._provinces = tuple(body for body in bodies if body.is_province)

    def write(self, slots: Sequence[Slot]) -> list[Sent]:
        """Write the documents day by day, so that numbers grow with time."""
        days: list[date] = []
        for slot in slots:
            earliest = self._today - _PERIOD if slot.about is None else days[slot.about]
            days.append(workday(self._rng, earliest, self._today))
        written: dict[int, Sent] = {}
        for index in sorted(range(len(slots)), key=lambda index: (days[index], index)):
            slot = slots[index]
            if slot.about is None:
                written[index] = self._begin(slot, days[index])
            else:
                written[index] = self._follow(slot.part, written[slot.about], days[index])
        return list(written.values())

    def _begin(self, slot: Slot, day: date) -> Sent:
        """A letter or circular of its own accord."""
        kind, sender, receivers = self._parties(slot)
        letter = self._writer.letter(sender, receivers, kinds=LETTERS[kind], issued_on=day)
        return Sent(kind=kind, sender=sender, receivers=receivers, document=letter)

    def _follow(self, part: Part, about: Sent, day: date) -> Sent:
        """A document about an earlier one."""
        writer, letter = self._writer, about.document
        match part:
            case Part.REPLY:
                sender = self._rng.choice(about.receivers)
                answer = writer.reply(sender, about.sender, to=letter, issued_on=day)
                return Sent(
                    kind=DropKind.REPLY,
                    sender=sender,
                    receivers=(about.sender,),
                    document=answer,
                )
            case Part.RECALL:
                return replace(about, kind=DropKind.RECALL, document=writer.recall(letter), wave=1)
            case Part.UPDATE:
                return replace(about, kind=DropKind.UPDATE, document=writer.update(letter), wave=1)
            case Part.REPLACE:
                replacement = writer.replacement(
                    about.sender, about.receivers, of=letter, issued_on=day
                )
                return replace(about, kind=DropKind.REPLACE, document=replacement, wave=1)
            case Part.LETTER | Part.CIRCULAR:
                raise ValueError(f"a {part} is about nothing")
            case _:
                assert_never(part)

    def _parties(self, slot: Slot) -> tuple[DropKind, Body, tuple[Body, ...]]:
        """Mostly from the centre to provinces and back, now and then among peers."""
        rng = self._rng
        if slot.part is Part.CIRCULAR:
            sender = rng.choice(self._centre or self._everybody)
            others = tuple(body for body in self._everybody if body is not sender)
            return DropKind.CIRCULAR, sender, others
        kind = rng.choices((DropKind.DOWN, DropKind.UP, DropKind.ACROSS), (45, 35, 20))[0]
        senders, pool = {
            DropKind.DOWN: (self._centre, self._provinces),
            DropKind.UP: (self._provinces, self._centre),
        }.get(kind, (self._everybody, self._everybody))
        if not senders or len(pool) < slot.receivers:
            kind, senders, pool = DropKind.ACROSS, self._everybody, self._everybody
        sender = rng.choice(senders)
        others = tuple(body for body in pool if body is not sender)
        return kind, sender, tuple(rng.sample(others, k=slot.receivers))


def workday(rng: random.Random, earliest: date, latest: date) -> date:
    """A day between the two, and no weekend if that can be."""
    day = earliest + timedelta(days=rng.randint(0, (latest - earliest).days))
    while day.weekday() > 4 and day > earliest:
        day -= timedelta(days=1)
    return day
