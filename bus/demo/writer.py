"""Writer: writes invented documents and status reports in the name of any body."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from bus.demo.bodies import Body, ascii_name
from bus.demo.samples import FilePool, SampleFile
from bus.demo.texts import (
    NEW_REASON,
    PEOPLE,
    RECALL_REASON,
    REPLACE_REASON,
    STATUS_TEXTS,
    TOPICS,
    UNITS,
    UPDATE_REASON,
)
from schemas.codes import ADMINISTRATIVE_TYPES, BusinessType, Priority, StatusCode
from schemas.document import (
    Attachment,
    Bussiness,
    Document,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
)
from schemas.status import StatusReport
from schemas.vietnam import from_vietnam

DocumentTypes = Sequence[tuple[str, str]]
"""Types of documents, each with the words with which its subject begins."""

_PRIORITIES = (Priority.NORMAL, Priority.URGENT, Priority.VERY_URGENT, Priority.MOST_URGENT)
_PRIORITY_WEIGHTS = (86, 9, 3, 2)


class Writer:
    """Numbers its documents by body and calendar year (Decree 30/2020)."""

    def __init__(self, rng: random.Random, files: FilePool) -> None:
        self._rng = rng
        self._files = files
        self._numbers: Counter[tuple[str, int]] = Counter()

    def letter(
        self,
        sender: Body,
        receivers: Iterable[Body],
        *,
        types: DocumentTypes,
        issued_on: date,
    ) -> Document:
        """A new document of one of these types."""
        rng = self._rng
        type_name, opening = rng.choice(types)
        self._numbers[sender.code, issued_on.year] += 1
        number = str(self._numbers[sender.code, issued_on.year])
        notation = self._notation(sender, type_name)
        competence, position = rng.choice(sender.signatures)
        samples = rng.sample(self._files.samples, k=2 if rng.random() < 0.1 else 1)
        return Document(
            from_agency=sender.organization,
            to_agencies=tuple(receiver.organization for receiver in receivers),
            document_id=f"{sender.wire_code},{issued_on:%Y/%m/%d},{number}/{notation}",
            number=number,
            notation=notation,
            place=sender.place,
            issued_on=issued_on,
            type_code=2,
            type_name=type_name,
            subject=f"{opening} {rng.choice(TOPICS)}",
            signer=Signer(competence=competence, position=position, full_name=rng.choice(PEOPLE)),
            due_on=issued_on + timedelta(days=rng.randint(5, 30)) if rng.random() < 0.3 else None,
            priority=rng.choices(_PRIORITIES, _PRIORITY_WEIGHTS)[0],
            pages=sum(sample.pages for sample in samples),
            appendixes=tuple(sample.stem for sample in samples[1:]),
            to_places=("Như trên", "Lưu: VT, VP"),
            bussiness=Bussiness(
                type=BusinessType.NEW,
                reason=NEW_REASON,
                paper_raw="0",
                staff=(Staff(department="Văn phòng", staff=rng.choice(PEOPLE)),),
            ),
            attachments=_attachments(f"{number}-{notation}", samples),
        )

    def reply(self, sender: Body, receiver: Body, *, to: Document, issued_on: date) -> Document:
        """The answer of a receiver to the sender of a document."""
        types = (("Công văn", f"V/v trả lời văn bản số {to.full_number} về"),)
        letter = self.letter(sender, (receiver,), types=types, issued_on=issued_on)
        answered = ResponseFor(
            organ_id=to.from_agency.organ_id,
            code=to.full_number,
            document_id=to.document_id,
            issued_on=to.issued_on,
        )
        return letter.model_copy(update={"response_for": (answered,)})

    def recall(self, letter: Document) -> Document:
        """The same header again, recalled by its sender."""
        block = _about(letter, BusinessType.RECALL, RECALL_REASON)
        return letter.model_copy(update={"bussiness": block, "attachments": ()})

    def update(self, letter: Document) -> Document:
        """The same header with a new due date."""
        due = (letter.issued_on or date.min) + timedelta(days=45)
        block = _about(letter, BusinessType.UPDATE, UPDATE_REASON, content_changes=True)
        return letter.model_copy(update={"due_on": due, "bussiness": block})

    def replacement(
        self, sender: Body, receivers: Sequence[Body], *, of: Document, issued_on: date
    ) -> Document:
        """A new document that replaces an earlier one."""
        types = ((of.type_name or "Công văn", f"Thay thế văn bản số {of.full_number} về"),)
        letter = self.letter(sender, receivers, types=types, issued_on=issued_on)
        codes = tuple(receiver.wire_code for receiver in receivers)
        replaced = Replacement(document_id=of.document_id, organ_ids=codes)
        changes = {
            "type": BusinessType.REPLACE,
            "reason": REPLACE_REASON,
            "replacements": (replaced,),
        }
        block = letter.bussiness.model_copy(update=changes)
        return letter.model_copy(update={"bussiness": block})

    def status(
        self, reporter: Body, addressee: Body, *, on: Document, code: StatusCode, day: date
    ) -> StatusReport:
        """What a body reports about its work on a document."""
        minute = self._rng.randrange(8 * 60, 17 * 60)
        local = datetime.combine(day, time(minute // 60, minute % 60))
        return StatusReport(
            from_agency=reporter.organization,
            to_organ_id=addressee.wire_code,
            document_code=on.full_number,
            document_id=on.document_id,
            issued_on=on.issued_on,
            staff=Staff(department="Văn thư", staff=self._rng.choice(PEOPLE)),
            code=code.value,
            description=STATUS_TEXTS[code],
            at=from_vietnam(local),
        )

    def stolen_recall(
        self, thief: Body, receivers: Iterable[Body], *, of: Document, issued_on: date
    ) -> Document:
        """A recall of somebody else's document."""
        types = (("Công văn", "V/v thu hồi văn bản về"),)
        letter = self.letter(thief, receivers, types=types, issued_on=issued_on)
        block = _about(of, BusinessType.RECALL, RECALL_REASON)
        return letter.model_copy(update={"bussiness": block})

    def _notation(self, body: Body, type_name: str) -> str:
        """`UBND-VP` for official letters, `QĐ-UBND` for the other types (Decree 30/2020)."""
        abbreviation = ADMINISTRATIVE_TYPES[type_name]
        if abbreviation:
            return f"{abbreviation}-{body.abbreviation}"
        return f"{body.abbreviation}-{self._rng.choice(UNITS)}"


def _about(
    letter: Document, business: BusinessType, reason: str, *, content_changes: bool | None = None
) -> Bussiness:
    changes = {
        "type": business,
        "target_document_id": letter.document_id,
        "reason": reason,
        "content_changes": content_changes,
    }
    return letter.bussiness.model_copy(update=changes)


def _attachments(stem: str, samples: Sequence[SampleFile]) -> tuple[Attachment, ...]:
    """The document itself, named by its number, and its annexes, by their own names."""
    return tuple(
        Attachment(
            name=f"{sample.stem if annex else ascii_name(stem)}.pdf",
            media_type="application/pdf",
            size=len(sample.content),
            sha256=sample.sha256,
        )
        for annex, sample in enumerate(samples)
    )
