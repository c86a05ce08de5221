"""Parties of a document: who may report on it, and who may recall, update or replace it.

A message applies only to a document that *this sender* sent and *this recipient* has. What
contradicts the records is refused. What matches no delivery is accepted with a warning to the
recipient, because agencies exchanged documents before they joined the axis (decision record 0005).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from bus.core.record import DocumentRecord
from bus.core.reference import id_key, is_local, number_key, targets_of
from bus.core.routing import Routing
from schemas.codes import BusinessType, StatusCode
from schemas.document import Document
from schemas.identifiers import AgencyCode
from schemas.problem import AxisError, Warned
from schemas.status import StatusReport
from schemas.verdict import About


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The result for an accepted message.

    Attributes:
        about: The documents that it refers to, with their owners.
        evident: Whether every id shows its owner, because it begins with the owner's code.
    """

    warnings: tuple[Warned, ...] = ()
    about: tuple[About, ...] = ()
    evident: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewpoint:
    """The side that checks a message, and the day.

    Attributes:
        held_by: The addressed agencies of the recipient's mailbox. None on the sender's side, which
            does not know what each recipient has.
    """

    routing: Routing
    on: date
    held_by: tuple[AgencyCode, ...] | None = None

    def owns(self, sender: AgencyCode, record: DocumentRecord) -> bool:
        """Whether the sender sent a recorded document, or acts for the agency that did."""
        return self.routing.acts_for(sender, record.sender, self.on)

    def received(self, agency: AgencyCode, record: DocumentRecord) -> bool:
        """Whether an agency, or one that it acts for, was among the receivers."""
        return any(self.routing.acts_for(agency, each, self.on) for each in record.recipients)

    def is_held(self, record: DocumentRecord) -> bool:
        """Whether this side has a recorded document."""
        return self.held_by is None or any(self.received(each, record) for each in self.held_by)

    def about(
        self,
        document_id: str,
        *,
        owner: AgencyCode,
        number: str | None = None,
        held: DocumentRecord | None = None,
    ) -> About:
        """Describe the document that is meant, from the record or else from the message."""
        return About(
            document_id=document_id,
            number=number if held is None else held.full_number,
            year=None if held is None else held.year,
            owner=owner,
            owner_name=self.routing.name_of(owner),
            held=held is not None,
        )

    def other_named_in(self, document_id: str, sender: AgencyCode) -> AgencyCode | None:
        """The agency of another mailbox whose code the id begins with; None: there is none."""
        named = self.routing.named_in(document_id, self.on)
        if named is None or self.routing.share_a_mailbox(named, sender, self.on):
            return None
        return None if self.routing.acts_for(sender, named, self.on) else named


def owner_of(report: StatusReport, *, sender: AgencyCode, addressee: AgencyCode) -> AgencyCode:
    """The owner of the document: the sender of a status 13, the addressee of all others."""
    return sender if report.code == StatusCode.TAKE_BACK else addressee


def judge_report(
    report: StatusReport,
    *,
    sender: AgencyCode,
    addressee: AgencyCode,
    known: Sequence[DocumentRecord],
    at: Viewpoint,
) -> Judged:
    """Check whether `sender` may send this status to `addressee`.

    Args:
        known: The recorded documents that the report may mean, found by id or by number.

    Raises:
        DocumentError: E_STATUS_NOT_PARTY: the document is known, and the reporter is neither its
            sender nor one of its receivers.
    """
    taken_back = report.code == StatusCode.TAKE_BACK
    owner = owner_of(report, sender=sender, addressee=addressee)
    receiver = addressee if taken_back else sender
    named = report.document_id or report.document_code or "?"
    meant = [record for record in known if _may_be_meant(record, report, owner=owner, at=at)]
    # Receivers also answer recalls and updates, even of a document that they did not receive.
    own = [
        record
        for record in meant
        if (record.makes_a_document or not taken_back)
        and at.owns(owner, record)
        and at.received(receiver, record)
    ]
    others = [
        record
        for record in meant
        if record.makes_a_document
        and record not in own
        and _is_certainly(record, report.document_code)
    ]
    about = at.about(named, owner=owner, number=report.document_code)
    if tied := [r for r in own if _agrees(r, report.document_code)]:
        shared = tuple(_shared_by(others, named, owner=owner)) if taken_back else ()
        numbered = () if report.document_id is not None else (Warned(code="W_MATCH_BY_NUMBER"),)
        told = (at.about(named, owner=owner, held=tied[0]),) if shared else ()
        return Judged(warnings=(*numbered, *shared), about=told)
    stolen = taken_back and at.other_named_in(named, sender)
    if (others and not own) or stolen:
        raise AxisError.of(
            "E_STATUS_NOT_PARTY", sender=sender, status=report.code, document_id=named
        )
    told_of = Warned(code="W_STATUS_TARGET_UNKNOWN", params={"document_id": named})
    return Judged(warnings=(told_of,), about=(about,))


def judge_document(
    document: Document, *, sender: AgencyCode, known: Sequence[DocumentRecord], at: Viewpoint
) -> Judged:
    """Check the ids in a document: its own id, and those that it refers to.

    Args:
        known: All recorded documents with one of the ids in `references_of(document)`.

    Raises:
        DocumentError: E_NOT_OWNER: a recall, update or replacement refers to a document that
            somebody else sent. E_ID_OF_OTHER: its own id names another agency.
    """
    known = [record for record in known if record.makes_a_document]
    targets = targets_of(document)
    judged = [
        _judge_target(target, document, sender=sender, known=known, at=at) for target in targets
    ]
    if document.document_id not in targets:
        judged.append(_judge_own_id(document, sender=sender, known=known, at=at))
    return Judged(
        warnings=tuple(warned for each in judged for warned in each.warnings),
        about=tuple(about for each in judged for about in each.about),
        evident=all(at.routing.named_in(target, at.on) is not None for target in targets),
    )


def judge_reuse(
    document: Document,
    *,
    sender: AgencyCode,
    identity: str,
    known: Sequence[DocumentRecord],
) -> tuple[Warned, ...]:
    """Warn when a sender reuses a document id, or a number of the same year.

    The document is delivered nevertheless, because some systems use a short local count. Recalls,
    updates and replacements repeat the id of their target on purpose.

    Args:
        known: Recorded documents with the same id, or the same number and year.
    """
    if document.bussiness.type is not BusinessType.NEW:
        return ()
    others = [r for r in known if r.sender == sender and r.identity != identity]
    key, number = id_key(document.document_id), document.full_number
    warnings = []
    if any(record.id_key == key for record in others):
        params = {"value": document.document_id}
        warnings.append(Warned(code="W_ID_REUSED", params=params))
    if number and any(
        record.number_key == number_key(number) and record.id_key != key for record in others
    ):
        warnings.append(Warned(code="W_NUMBER_REUSED", params={"value": number}))
    return tuple(warnings)


def _judge_target(
    target: str,
    document: Document,
    *,
    sender: AgencyCode,
    known: Iterable[DocumentRecord],
    at: Viewpoint,
) -> Judged:
    # A recall and an update repeat the number of their target; a replacement has its own.
    replaces = document.bussiness.type is BusinessType.REPLACE
    number = None if replaces else document.full_number
    found = [record for record in known if record.id_key == id_key(target)]
    own = [record for record in found if at.owns(sender, record)]
    others = [r for r in found if r not in own and _is_certainly(r, number)]
    if at.other_named_in(target, sender):
        raise AxisError.of("E_NOT_OWNER", sender=sender, document_id=target)
    if held := [record for record in own if at.is_held(record)]:
        agreeing = [record for record in held if _agrees(record, number)]
        told = at.about(target, owner=sender, held=(agreeing or held)[0])
        shared = [record for record in others if at.is_held(record)]
        return Judged(warnings=tuple(_shared_by(shared, target, owner=sender)), about=(told,))
    if any(at.is_held(record) for record in others) or (others and not own):
        raise AxisError.of("E_NOT_OWNER", sender=sender, document_id=target)
    code = "W_TARGET_NOT_HELD" if own else "W_TARGET_UNKNOWN"
    repeated = id_key(target) == id_key(document.document_id)
    return Judged(
        warnings=(Warned(code=code, params={"document_id": target}),),
        about=(at.about(target, owner=sender, number=number if repeated else None),),
    )


def _judge_own_id(
    document: Document, *, sender: AgencyCode, known: Iterable[DocumentRecord], at: Viewpoint
) -> Judged:
    """Check the document's own id.

    With another agency's id, a sender could later recall that agency's document. Some systems apply
    a recall or an update to its own id instead of its target.
    """
    own_id = document.document_id
    other = at.other_named_in(own_id, sender)
    others = [
        record
        for record in known
        if record.id_key == id_key(own_id)
        and not at.owns(sender, record)
        and at.is_held(record)
        and _is_certainly(record, document.full_number)
    ]
    refers = document.bussiness.type in {BusinessType.RECALL, BusinessType.UPDATE}
    if refers and (others or other):
        raise AxisError.of("E_NOT_OWNER", sender=sender, document_id=own_id)
    if other is None:
        return Judged(warnings=tuple(_shared_by(others, own_id, owner=sender)))
    if others:
        raise AxisError.of("E_ID_OF_OTHER", sender=sender, document_id=own_id, owner=other)
    params = {"document_id": own_id, "owner": sender, "other": other}
    return Judged(warnings=(Warned(code="W_ID_OF_OTHER", params=params),))


def _shared_by(
    others: Iterable[DocumentRecord], document_id: str, *, owner: AgencyCode
) -> Iterator[Warned]:
    """One warning for each agency whose document has the same id."""
    for other in dict.fromkeys(record.sender for record in others):
        params = {"document_id": document_id, "owner": owner, "other": other}
        yield Warned(code="W_ID_SHARED", params=params)


def _may_be_meant(
    record: DocumentRecord, report: StatusReport, *, owner: AgencyCode, at: Viewpoint
) -> bool:
    """Whether a record has the id of a report or, if that has none, its number and year."""
    if report.document_id is not None:
        return record.id_key == id_key(report.document_id)
    if report.document_code is None or record.number_key != number_key(report.document_code):
        return False
    # Numbers are unique only within one agency and year.
    year = report.issued_on.year if report.issued_on else record.year
    return at.owns(owner, record) and record.year in {None, year}


def _agrees(record: DocumentRecord, number: str | None) -> bool:
    """Whether a number, if both have one, is that of a record that was found by its id."""
    return None in {number, record.full_number} or number_key(number or "") == record.number_key


def _is_certainly(record: DocumentRecord, number: str | None) -> bool:
    """Whether a record that was found by its id is certainly the document that is meant.

    Many systems count their documents 1, 2, 3. Such an id is the same document
    only if the number is equal too.
    """
    if not is_local(record.document_id):
        return True
    return number is not None and number_key(number) == record.number_key
