"""Generator: plans what every agency drops into its outbox, and what must become of each file.

The same seed, day and directory give the same plan. Putting the files there is the runner's job.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import cycle, islice
from typing import assert_never

from bus.demo.bodies import Body, ascii_name, bodies_of
from bus.demo.drop import Drop, DropKind
from bus.demo.flaws import ANSWERS, Flaw
from bus.demo.outline import Part, Slot, outline
from bus.demo.pdf import FilePool
from bus.demo.texts import TYPES_ACROSS, TYPES_DOWN, TYPES_UP
from bus.demo.writer import Kinds, Writer
from schemas.codes import StatusCode
from schemas.directory import Directory
from schemas.document import Document, Organization
from schemas.status import StatusReport

NOBODY = "000.00.00.Y99"
"""A well-shaped code that no directory holds."""

_PERIOD = timedelta(days=31)
_KINDS: dict[DropKind, Kinds] = {
    DropKind.DOWN: TYPES_DOWN,
    DropKind.UP: TYPES_UP,
    DropKind.ACROSS: TYPES_ACROSS,
    DropKind.CIRCULAR: TYPES_DOWN,
}
_ODD_SHARE = 0.01
"""Letters that are accepted although something is odd about the file or one receiver."""
_STORIES = (
    (StatusCode.ACCEPTED,),
    (StatusCode.ACCEPTED, StatusCode.ASSIGNED, StatusCode.IN_PROCESS),
    (StatusCode.ACCEPTED, StatusCode.ASSIGNED, StatusCode.IN_PROCESS, StatusCode.COMPLETED),
    (StatusCode.ACCEPTED, StatusCode.COMPLETED),
    (StatusCode.REFUSED,),
)
"""What receivers report one after the other (handbook 3.3)."""
_STORY_WEIGHTS = (5, 3, 2, 1, 1)

_STORY_WEIGHTS = (5, 3, 2, 1, 1)
_BREAKABLE = tuple(flaw for flaw in Flaw if ANSWERS[flaw])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    """A document that is to arrive: who wrote it, and who gets it."""

    kind: DropKind
    sender: Body
    receivers: tuple[Body, ...]
    document: Document
    wave: int = 0


def plan(
    directory: Directory,
    files: FilePool,
    *,
    documents: int,
    deliveries: int | None = None,
    statuses: int | None = None,
    broken: int = len(_BREAKABLE),
    seed: int,
    today: date,
) -> tuple[Drop, ...]:
    """Plan a month of traffic that ends today, in the order in which the files are dropped.

    Args:
        documents: How many reach their receivers; broken files and status reports come on top.
        deliveries: Of those documents, to be met exactly; by default 2.3 to a document.
        statuses: At most so many reports; by default one to ten documents.
        broken: How many files are to be refused, of every flaw in turn.

    Raises:
        ValueError: The directory is too small for so many documents and deliveries.
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible traffic, nothing secret
    bodies = bodies_of(directory)
    slots = outline(rng, bodies=len(bodies), documents=documents, deliveries=deliveries)
    traffic = _Traffic(rng, bodies, Writer(rng, files), today)
    sent = traffic.write(slots)
    drops = [
        *traffic.drop(sent),
        *traffic.repeat(sent, most=documents // 100),
        *traffic.report(sent, most=documents // 10 if statuses is None else statuses),
        *islice(traffic.spoil(sent), broken),
    ]
    drops.sort(key=lambda drop: drop.wave)
    return tuple(_named(drops))


class _Traffic:
    """Decides who writes to whom, when, and what goes wrong."""

    def __init__(
        self, rng: random.Random, bodies: Sequence[Body], writer: Writer, today: date
    ) -> None:
        self._rng = rng
        self._writer = writer
        self._today = today
        self._everybody = tuple(bodies)
        self._centre = tuple(body for body in bodies if not body.is_province)
        self._provinces = tuple(body for body in bodies if body.is_province)

    def write(self, slots: Sequence[Slot]) -> list[_Sent]:
        """Write the documents day by day, so that numbers grow with time."""
        days: list[date] = []
        for slot in slots:
            earliest = self._today - _PERIOD if slot.about is None else days[slot.about]
            days.append(self._workday(earliest))
        written: dict[int, _Sent] = {}
        for index in sorted(range(len(slots)), key=lambda index: (days[index], index)):
            slot = slots[index]
            if slot.about is None:
                written[index] = self._begin(slot, days[index])
            else:
                written[index] = self._follow(slot.part, written[slot.about], days[index])
        return list(written.values())

    def drop(self, sent: Iterable[_Sent]) -> Iterator[Drop]:
        """Drop every document; a few in odd files, a few with a receiver nobody knows."""
        for one in sent:
            drop = Drop(
                sender=one.sender.code,
                kind=one.kind,
                name="",
                wave=one.wave,
                message=one.document,
                recipients=tuple(receiver.code for receiver in one.receivers),
            )
            chance = self._rng.random()
            if one.kind in _KINDS and chance < _ODD_SHARE:
                yield replace(drop, flaw=Flaw.JUNK)
            elif one.kind in _KINDS and chance < 2 * _ODD_SHARE:
                yield replace(
                    drop,
                    message=_with_stranger(one.document),
                    notices=("E_UNKNOWN_RECEIVER",),
                )
            else:
                yield drop

    def repeat(self, sent: Sequence[_Sent], *, most: int) -> Iterator[Drop]:
        """Drop some replies a second time: nobody may be handed them twice."""
        replies = [one for one in sent if one.kind is DropKind.REPLY]
        for one in self._rng.sample(replies, k=min(most, len(replies))):
            yield Drop(
                sender=one.sender.code,
                kind=DropKind.REPEAT,
                name="",
                wave=1,
                message=one.document,
            )

    def report(self, sent: Sequence[_Sent], *, most: int) -> Iterator[Drop]:
        """Report on documents: a quarter answers recalls and updates, some take back."""
        answers = list(islice(self._answers(sent), most // 4))
        followed = {one.document.document_id for one in sent if one.wave}
        pairs = [
            (one, receiver)
            for one in sent
            if one.wave == 0 and one.document.document_id not in followed
            for receiver in one.receivers
        ]
        self._rng.shuffle(pairs)
        taken_back = most // 20
        retreats = (
            drop for one, receiver in pairs[:taken_back] for drop in self._retreat(one, receiver)
        )
        stories = (
            drop for one, receiver in pairs[taken_back:] for drop in self._story(one, receiver)
        )
        yield from islice([*answers, *retreats, *islice(stories, most)], most)
