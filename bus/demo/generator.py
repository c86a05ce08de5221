"""Generator: plans what every agency drops into its outbox, and what must become of each file.

The same seed, day and directory give the same plan. Putting the files there is the runner's job.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import cycle, islice

from bus.demo.bodies import Body, ascii_name, bodies_of
from bus.demo.correspondence import LETTERS, Correspondence, Sent, workday
from bus.demo.drop import Drop, DropKind
from bus.demo.flaws import ANSWERS, Flaw
from bus.demo.outline import outline
from bus.demo.samples import FilePool
from bus.demo.texts import TYPES_ACROSS
from bus.demo.writer import Writer
from schemas.codes import StatusCode
from schemas.directory import Directory
from schemas.document import Document, Organization
from schemas.status import StatusReport

NOBODY = "000.00.00.Y99"
"""A well-shaped code that no directory holds."""

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
_BREAKABLE = tuple(flaw for flaw in Flaw if ANSWERS[flaw])


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
    writer = Writer(rng, files)
    sent = Correspondence(rng, bodies, writer, today).write(slots)
    traffic = _Traffic(rng, writer, today)
    drops = [
        *traffic.drop(sent),
        *traffic.repeat(sent, most=documents // 100),
        *traffic.report(sent, most=documents // 10 if statuses is None else statuses),
        *islice(traffic.spoil(sent), broken),
    ]
    drops.sort(key=lambda drop: drop.wave)
    return tuple(_named(drops))


class _Traffic:
    """Decides what is dropped beside the documents, and what goes wrong."""

    def __init__(self, rng: random.Random, writer: Writer, today: date) -> None:
        self._rng = rng
        self._writer = writer
        self._today = today

    def drop(self, sent: Iterable[Sent]) -> Iterator[Drop]:
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
            if one.kind in LETTERS and chance < _ODD_SHARE:
                yield replace(drop, flaw=Flaw.JUNK)
            elif one.kind in LETTERS and chance < 2 * _ODD_SHARE:
                yield replace(
                    drop,
                    message=_with_stranger(one.document),
                    notices=("E_UNKNOWN_RECEIVER",),
                )
            else:
                yield drop

    def repeat(self, sent: Sequence[Sent], *, most: int) -> Iterator[Drop]:
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

    def report(self, sent: Sequence[Sent], *, most: int) -> Iterator[Drop]:
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

    def spoil(self, sent: Sequence[Sent]) -> Iterator[Drop]:
        """Drop files that must be refused, of every flaw in turn, without end."""
        letters = [one for one in sent if one.kind in LETTERS]
        for flaw in cycle(_BREAKABLE):
            victim = self._rng.choice(letters)
            stranger = self._rng.choice(victim.receivers)
            wave, message = self._flawed(flaw, victim, stranger)
            yield Drop(
                sender=stranger.code,
                kind=DropKind.BROKEN,
                name="",
                wave=wave,
                message=message,
                flaw=flaw,
                refusal=ANSWERS[flaw],
            )

    def _flawed(
        self, flaw: Flaw, victim: Sent, stranger: Body
    ) -> tuple[int, Document | StatusReport]:
        """A message of `stranger`, with a flaw if it is one of content, and its wave."""
        match flaw:
            case Flaw.NOT_PARTY:
                # Only who sent a document may take it back; its receiver may not (handbook 3.2).
                return 1, self._writer.status(
                    stranger,
                    victim.sender,
                    on=victim.document,
                    code=StatusCode.TAKE_BACK,
                    day=self._today,
                )
            case Flaw.NOT_OWNER:
                return 1, self._writer.stolen_recall(
                    stranger, (victim.sender,), of=victim.document, issued_on=self._today
                )
            case Flaw.FOREIGN_SENDER:
                author, receiver = victim.sender, stranger
            case _:
                author, receiver = stranger, victim.sender
        letter = self._writer.letter(author, (receiver,), kinds=TYPES_ACROSS, issued_on=self._today)
        if flaw is Flaw.SECRECY_MARK:
            return 0, letter.model_copy(update={"circulation": "MẬT"})
        if flaw is Flaw.UNKNOWN_RECEIVER:
            nobody = (Organization(organ_id=NOBODY),)
            return 0, letter.model_copy(update={"to_agencies": nobody})
        return 0, letter

    def _answers(self, sent: Iterable[Sent]) -> Iterator[Drop]:
        """Every receiver agrees to a recall or update, or refuses it."""
        for one in sent:
            if one.kind in {DropKind.RECALL, DropKind.UPDATE}:
                for receiver in one.receivers:
                    yield self._reported(one, receiver, one.sender, self._agreement(), wave=2)

    def _retreat(self, one: Sent, receiver: Body) -> Iterator[Drop]:
        """The sender takes a document back from one receiver, who answers."""
        yield self._reported(one, one.sender, receiver, StatusCode.TAKE_BACK, wave=1)
        yield self._reported(one, receiver, one.sender, self._agreement(), wave=2)

    def _story(self, one: Sent, receiver: Body) -> Iterator[Drop]:
        """What one receiver does with a document."""
        for code in self._rng.choices(_STORIES, _STORY_WEIGHTS)[0]:
            yield self._reported(one, receiver, one.sender, code, wave=1)

    def _agreement(self) -> StatusCode:
        agreed, refused = StatusCode.RECALL_AGREED, StatusCode.RECALL_REFUSED
        return self._rng.choices((agreed, refused), (4, 1))[0]

    def _reported(
        self, one: Sent, reporter: Body, addressee: Body, code: StatusCode, *, wave: int
    ) -> Drop:
        day = workday(self._rng, one.document.issued_on or self._today, self._today)
        report = self._writer.status(reporter, addressee, on=one.document, code=code, day=day)
        return Drop(
            sender=reporter.code,
            kind=DropKind.STATUS,
            name="",
            wave=wave,
            message=report,
            recipients=(addressee.code,),
        )


def _with_stranger(document: Document) -> Document:
    receivers = (*document.to_agencies, Organization(organ_id=NOBODY))
    return document.model_copy(update={"to_agencies": receivers})


def _named(drops: Iterable[Drop]) -> Iterator[Drop]:
    """Number the files of every outbox."""
    files: Counter[str] = Counter()
    for drop in drops:
        files[drop.sender] += 1
        match drop.message:
            case Document() as document:
                stem = ascii_name(document.full_number or "document")
            case StatusReport() as report:
                stem = f"status-{report.code}"
        yield replace(drop, name=f"{files[drop.sender]:05}-{stem}.edxml")
