"""Correspondence: who writes to whom, and when."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bus.demo.bodies import Body
from bus.demo.drop import DropKind
from bus.demo.outline import PlannedDocument
from bus.demo.texts import TYPES_ACROSS, TYPES_DOWN, TYPES_UP
from bus.demo.writer import DocumentTypes, Writer
from schemas.document import Document

_PERIOD = timedelta(days=31)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A document that must arrive: who wrote it, and who receives it."""

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

    def write(self, planned: Sequence[PlannedDocument]) -> list[Sent]:
        """Write the documents day by day, so that their numbers grow with time."""
        days: list[date] = []
        for each in planned:
            earliest = self._today - _PERIOD if each.about is None else days[each.about]
            days.append(workday(self._rng, earliest, self._today))
        written: dict[int, Sent] = {}
        for index in sorted(range(len(planned)), key=lambda index: (days[index], index)):
            each, day = planned[index], days[index]
            written[index] = (
                self._first(each, day)
                if each.about is None
                else self._about(each.kind, written[each.about], day)
            )
        return list(written.values())

    def _first(self, planned: PlannedDocument, day: date) -> Sent:
        """A letter or circular that is about no earlier document."""
        sender, receivers, types = self._parties(planned)
        letter = self._writer.letter(sender, receivers, types=types, issued_on=day)
        return Sent(kind=planned.kind, sender=sender, receivers=receivers, document=letter)

    def _about(self, kind: DropKind, earlier: Sent, day: date) -> Sent:
        """A document about an earlier one."""
        writer, letter = self._writer, earlier.document
        if kind is DropKind.REPLY:
            sender = self._rng.choice(earlier.receivers)
            answer = writer.reply(sender, earlier.sender, to=letter, issued_on=day)
            return Sent(kind=kind, sender=sender, receivers=(earlier.sender,), document=answer)
        if kind is DropKind.RECALL:
            document = writer.recall(letter)
        elif kind is DropKind.UPDATE:
            document = writer.update(letter)
        else:
            document = writer.replacement(
                earlier.sender, earlier.receivers, of=letter, issued_on=day
            )
        return replace(earlier, kind=kind, document=document, wave=1)

    def _parties(self, planned: PlannedDocument) -> tuple[Body, tuple[Body, ...], DocumentTypes]:
        """Mostly between central bodies and provinces, sometimes among equals."""
        rng, everybody = self._rng, self._everybody
        if planned.kind is DropKind.CIRCULAR:
            sender = rng.choice(self._centre or everybody)
            return sender, tuple(body for body in everybody if body is not sender), TYPES_DOWN
        across = (everybody, everybody, TYPES_ACROSS)
        down, up = (
            (self._centre, self._provinces, TYPES_DOWN),
            (self._provinces, self._centre, TYPES_UP),
        )
        senders, pool, types = rng.choices((down, up, across), (45, 35, 20))[0]
        if not senders or len(pool) < planned.receivers:
            senders, pool, types = across
        sender = rng.choice(senders)
        others = tuple(body for body in pool if body is not sender)
        return sender, tuple(rng.sample(others, k=planned.receivers)), types


def workday(rng: random.Random, earliest: date, latest: date) -> date:
    """A day between the two; not on a weekend if that is possible."""
    day = earliest + timedelta(days=rng.randint(0, (latest - earliest).days))
    while day.weekday() > 4 and day > earliest:
        day -= timedelta(days=1)
    return day
