"""SourceRecords: what each source of revocations has proven so far, and which are away.

The last answer of a source counts until a newer one comes. Nothing here ever stops traffic: a
source that is away is told at its beginning, at its end, and when the declared grace is over
(decision record 0022).
"""

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta

from pydantic import AwareDatetime

from bus.core.events import Event
from bus.core.key_events import (
    RevocationGraceEnded,
    RevocationSourceAsked,
    RevocationSourceLost,
    RevocationSourceReturned,
)
from bus.core.revocation.statement import (
    Answer,
    Assurance,
    Revocation,
    RevocationReason,
    weightiest,
)
from schemas.problem import Problem
from schemas.value import Value


class SourceRecord(Value):
    """One source.

    Attributes:
        answered_at: When all that it was asked was last answered; None: never.
        lost_since: Since when it gives no answer that counts; None: it does.
        problem: Why it does not.
        grace_ended: That was told.
        revocations: What it proved to be revoked; kept for good, but for what is on hold.
        assurances: What it knows no revocation of.
    """

    source: str
    answered_at: AwareDatetime | None = None
    lost_since: AwareDatetime | None = None
    problem: Problem | None = None
    grace_ended: bool = False
    revocations: tuple[Revocation, ...] = ()
    assurances: tuple[Assurance, ...] = ()


class SourceRecords(Value):
    """The records of all sources, one for each name."""

    sources: tuple[SourceRecord, ...] = ()

    def of(self, source: str) -> SourceRecord:
        """What one source said; empty when it was never asked."""
        found = (record for record in self.sources if record.source == source)
        return next(found, SourceRecord(source=source))

    def with_record(self, record: SourceRecord) -> "SourceRecords":
        """The same, with one record replaced or added."""
        others = (each for each in self.sources if each.source != record.source)
        return SourceRecords(sources=(*others, record))

    def only_asking(self, sources: Collection[str]) -> "SourceRecords":
        """Forget who is not asked any more, but not what they proved."""
        kept = (
            record
            if record.source in sources
            else SourceRecord(source=record.source, revocations=record.revocations)
            for record in self.sources
            if record.source in sources or record.revocations
        )
        return SourceRecords(sources=tuple(kept))

    @property
    def revocations(self) -> tuple[Revocation, ...]:
        """What any source proved."""
        return tuple(each for record in self.sources for each in record.revocations)

    @property
    def assurances(self) -> tuple[Assurance, ...]:
        """What any source knows no revocation of."""
        return tuple(each for record in self.sources for each in record.assurances)


def after_round(
    record: SourceRecord,
    answers: Iterable[Answer],
    problem: Problem | None,
    *,
    now: AwareDatetime,
    grace: timedelta,
) -> tuple[SourceRecord, tuple[Event, ...]]:
    """The record of a source after one round of questions, and the events that this causes.

    Args:
        answers: Those that count.
        problem: Why some question has no answer that counts; None: all have.
        grace: How long its last answer may count without an alarm of its own.
    """
    learnt = record
    for answer in answers:
        learnt = _learn(learnt, answer)
    if problem is None:
        events: list[Event] = []
        if record.lost_since is not None:
            away = now - record.lost_since
            events.append(RevocationSourceReturned(source=record.source, away=away))
        learnt = learnt.model_copy(
            update={"answered_at": now, "lost_since": None, "problem": None, "grace_ended": False}
        )
        return learnt, (_asked(learnt), *events)
    events = []
    since = record.lost_since or now
    if record.lost_since is None:
        events.append(_of_loss(RevocationSourceLost, record, problem))
    ended = now >= (record.answered_at or since) + grace
    if ended and not record.grace_ended:
        events.append(_of_loss(RevocationGraceEnded, record, problem))
    learnt = learnt.model_copy(
        update={"lost_since": since, "problem": problem, "grace_ended": ended}
    )
    return learnt, (_asked(learnt), *events)


def _learn(record: SourceRecord, answer: Answer) -> SourceRecord:
    """Replace older statements; what was revoked for good stays revoked (RFC 5280, 5.3.1)."""
    known = {said.thumbprint: said for said in record.assurances}
    revoked = {said.thumbprint: said for said in record.revocations}
    for assurance in answer.assurances:
        thumbprint = assurance.thumbprint
        held = revoked.get(thumbprint)
        if held is not None and not _may_return(held, assurance):
            continue
        earlier = known.get(thumbprint)
        if earlier is None or earlier.stated_at <= assurance.stated_at:
            known[thumbprint] = assurance
            revoked.pop(thumbprint, None)
    for revocation in answer.revocations:
        thumbprint = revocation.thumbprint
        earlier = known.get(thumbprint)
        if earlier is None or earlier.stated_at <= answer.said_at:
            known.pop(thumbprint, None)
            held = revoked.get(thumbprint)
            revoked[thumbprint] = revocation if held is None else weightiest((revocation, held))
    return record.model_copy(
        update={"assurances": tuple(known.values()), "revocations": tuple(revoked.values())}
    )


def _may_return(held: Revocation, assurance: Assurance) -> bool:
    return (
        held.reason is RevocationReason.CERTIFICATE_HOLD
        and held.stated_at is not None
        and held.stated_at <= assurance.stated_at
    )


def _asked(record: SourceRecord) -> Event:
    return RevocationSourceAsked(
        source=record.source,
        answered=record.problem is None,
        answered_at=record.answered_at,
    )


def _of_loss(
    kind: Callable[..., RevocationSourceLost | RevocationGraceEnded],
    record: SourceRecord,
    problem: Problem,
) -> Event:
    return kind(source=record.source, problem=problem, answered_at=record.answered_at)
