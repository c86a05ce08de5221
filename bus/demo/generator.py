"""Generator: plans what every agency drops into its outbox, and what must become of each file.

The same seed, day and directory give the same plan.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import cycle, islice

from bus.demo.bodies import Body, ascii_name, bodies_of
from bus.demo.correspondence import Correspondence, Sent, workday
from bus.demo.drop import ANSWERS, Drop, DropKind, Flaw
from bus.demo.outline import outline
from bus.demo.samples import FilePool
from bus.demo.texts import TYPES_ACROSS
from bus.demo.writer import Writer
from schemas.codes import StatusCode
from schemas.directory import Directory
from schemas.document import Document, Organization
from schemas.status import StatusReport

NOBODY = Organization(organ_id="000.00.00.Y99")
"""A code in the right form that is not in any directory."""

_ODD_SHARE = 0.01
"""The share of letters with a repairable flaw, and the share with one unknown receiver."""
_REPORTS = (
    (StatusCode.ACCEPTED,),
    (StatusCode.ACCEPTED, StatusCode.ASSIGNED, StatusCode.IN_PROCESS),
    (StatusCode.ACCEPTED, StatusCode.ASSIGNED, StatusCode.IN_PROCESS, StatusCode.COMPLETED),
    (StatusCode.ACCEPTED, StatusCode.COMPLETED),
    (StatusCode.REFUSED,),
)
"""What a receiver reports on one document, in this order (statuses of QCVN 102)."""
_REPORT_WEIGHTS = (5, 3, 2, 1, 1)
_FIRST_KINDS = (DropKind.LETTER, DropKind.CIRCULAR)
_REFUSABLE = tuple(flaw for flaw in Flaw if ANSWERS[flaw])


def plan(
    directory: Directory,
    files: FilePool,
    *,
    documents: int,
    deliveries: int | None = None,
    statuses: int | None = None,
    broken: int = len(_REFUSABLE),
    seed: int,
    today: date,
) -> tuple[Drop, ...]:
    """Plan a month of traffic that ends today, in the order in which the files are dropped.

    Args:
        documents: How many reach their receivers; broken files and status reports are added.
        deliveries: The exact number for those documents; by default 2.3 for each document.
        statuses: The largest number of reports; by default one for ten documents.
        broken: How many files must be refused, with every flaw in turn.

    Raises:
        ValueError: The directory is too small for so many documents and deliveries.
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible traffic, nothing secret
    bodies = bodies_of(directory)
    planned = outline(rng, bodies=len(bodies), documents=documents, deliveries=deliveries)
    writer = Writer(rng, files)
    sent = Correspondence(rng, bodies, writer, today).write(planned)
    traffic = _Traffic(rng, writer, today)
    drops = [
        *map(traffic.drop, sent),
        *traffic.repeat(sent, most=documents // 100),
        *traffic.report(sent, most=documents // 10 if statuses is None else statuses),
        *islice(traffic.spoil(sent), broken),
    ]
    drops.sort(key=lambda drop: drop.wave)
    return tuple(_named(drops))


class _Traffic:
    """Decides which files are dropped beside the documents, and which have flaws."""

    def __init__(self, rng: random.Random, writer: Writer, today: date) -> None:
        self._rng = rng
        self._writer = writer
        self._today = today

    def drop(self, one: Sent) -> Drop:
        """The drop of a document; a few files have a repairable flaw or one unknown receiver."""
        drop = Drop(
            sender=one.sender.code,
            kind=one.kind,
            wave=one.wave,
            message=one.document,
            recipients=tuple(receiver.code for receiver in one.receivers),
        )
        chance = self._rng.random()
        if one.kind not in _FIRST_KINDS or chance >= 2 * _ODD_SHARE:
            return drop
        if chance < _ODD_SHARE:
            return replace(drop, flaw=Flaw.JUNK)
        receivers = (*one.document.to_agencies, NOBODY)
        odd = one.document.model_copy(update={"to_agencies": receivers})
        return replace(drop, message=odd, notices=("E_UNKNOWN_RECEIVER",))

    def repeat(self, sent: Sequence[Sent], *, most: int) -> Iterator[Drop]:
        """Some replies again: nobody may receive them twice."""
        replies = [one for one in sent if one.kind is DropKind.REPLY]
        for one in self._rng.sample(replies, k=min(most, len(replies))):
            yield Drop(sender=one.sender.code, kind=DropKind.REPEAT, wave=1, message=one.document)

    def report(self, sent: Sequence[Sent], *, most: int) -> list[Drop]:
        """Status reports: a quarter answers recalls and updates, some documents are taken back."""
        reported = self._reported
        answers = (
            reported(one, receiver, one.sender, self._agreement(), wave=2)
            for one in sent
            if one.kind in {DropKind.RECALL, DropKind.UPDATE}
            for receiver in one.receivers
        )
        followed = {one.document.document_id for one in sent if one.wave}
        pairs = [
            (one, receiver)
            for one in sent
            if one.wave == 0 and one.document.document_id not in followed
            for receiver in one.receivers
        ]
        self._rng.shuffle(pairs)
        drops = list(islice(answers, most // 4))
        for one, receiver in pairs[: most // 20]:
            drops.append(reported(one, one.sender, receiver, StatusCode.TAKE_BACK, wave=1))
            drops.append(reported(one, receiver, one.sender, self._agreement(), wave=2))
        for one, receiver in pairs[most // 20 :]:
            if len(drops) >= most:
                break
            codes = self._rng.choices(_REPORTS, _REPORT_WEIGHTS)[0]
            drops += [reported(one, receiver, one.sender, code, wave=1) for code in codes]
        return drops[:most]

    def spoil(self, sent: Sequence[Sent]) -> Iterator[Drop]:
        """Files that must be refused, with every flaw in turn, without end."""
        letters = [one for one in sent if one.kind in _FIRST_KINDS]
        for flaw in cycle(_REFUSABLE):
            victim = self._rng.choice(letters)
            sender = self._rng.choice(victim.receivers)
            yield Drop(
                sender=sender.code,
                kind=DropKind.BROKEN,
                wave=1 if flaw in {Flaw.NOT_PARTY, Flaw.NOT_OWNER} else 0,
                message=self._flawed(flaw, victim, sender),
                flaw=flaw,
                refusal=ANSWERS[flaw],
            )

    def _flawed(self, flaw: Flaw, victim: Sent, sender: Body) -> Document | StatusReport:
        """A message that `sender` drops, with the flaw if it is one of content."""
        writer, today = self._writer, self._today
        if flaw is Flaw.NOT_PARTY:
            # Only the sender of a document may take it back, not its receiver.
            code = StatusCode.TAKE_BACK
            return writer.status(sender, victim.sender, on=victim.document, code=code, day=today)
        if flaw is Flaw.NOT_OWNER:
            to = (victim.sender,)
            return writer.stolen_recall(sender, to, of=victim.document, issued_on=today)
        author, receiver = sender, victim.sender
        if flaw is Flaw.FOREIGN_SENDER:
            author, receiver = receiver, author
        letter = writer.letter(author, (receiver,), types=TYPES_ACROSS, issued_on=today)
        if flaw is Flaw.SECRECY_MARK:
            return letter.model_copy(update={"circulation": "MẬT"})
        if flaw is Flaw.UNKNOWN_RECEIVER:
            return letter.model_copy(update={"to_agencies": (NOBODY,)})
        return letter

    def _agreement(self) -> StatusCode:
        answers = (StatusCode.RECALL_AGREED, StatusCode.RECALL_REFUSED)
        return self._rng.choices(answers, (4, 1))[0]

    def _reported(
        self, one: Sent, reporter: Body, addressee: Body, code: StatusCode, *, wave: int
    ) -> Drop:
        day = workday(self._rng, one.document.issued_on or self._today, self._today)
        return Drop(
            sender=reporter.code,
            kind=DropKind.STATUS,
            wave=wave,
            message=self._writer.status(reporter, addressee, on=one.document, code=code, day=day),
            recipients=(addressee.code,),
        )


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
