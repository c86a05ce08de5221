"""What each revocation source has said so far, and which sources do not answer.

The last answer of a source is used until a newer one arrives. A source that does not answer never
stops traffic: events report when it stops answering, when it answers again, and when the configured
grace period has passed (decision record 0022).
"""

from collections.abc import Collection, Iterable
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
    most_severe,
)
from schemas.problem import Problem
from schemas.value import Value


class SourceRecord(Value):
    """What one source has said.

    Attributes:
        answered_at: When it last answered every question; None: never.
        lost_since: Since when it gives no valid answer; None: it answers.
        problem: Why it gives no valid answer.
        grace_ended: The end of the grace period was reported.
        revocations: Kept for ever, except certificates on hold.
        assurances: The certificates that it says are not revoked.
    """

    source: str
    answered_at: AwareDatetime | None = None
    lost_since: AwareDatetime | None = None
    problem: Problem | None = None
    grace_ended: bool = False
    revocations: tuple[Revocation, ...] = ()
    assurances: tuple[Assurance, ...] = ()


class SourceRecords(Value):
    """The records of all sources, one for each source."""

    sources: tuple[SourceRecord, ...] = ()

    def of(self, source: str) -> SourceRecord:
        """The record of one source; empty when it was never asked."""
        found = (record for record in self.sources if record.source == source)
        return next(found, SourceRecord(source=source))

    def with_record(self, record: SourceRecord) -> "SourceRecords":
        """A copy with one record replaced or added."""
        others = (each for each in self.sources if each.source != record.source)
        return SourceRecords(sources=(*others, record))

    def only_asking(self, sources: Collection[str]) -> "SourceRecords":
        """A copy without the other sources; only their revocations are kept."""
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
        """The revocations of all sources."""
        return tuple(each for record in self.sources for each in record.revocations)

    @property
    def assurances(self) -> tuple[Assurance, ...]:
        """The assurances of all sources."""
        return tuple(each for record in self.sources for each in record.assurances)


def after_round(
    record: SourceRecord,
    answers: Iterable[Answer],
    problem: Problem | None,
    *,
    now: AwareDatetime,
    grace: timedelta,
) -> tuple[SourceRecord, tuple[Event, ...]]:
    """The record of a source after one round of questions, and the events to report.

    Args:
        answers: The valid answers.
        problem: Why some question has no valid answer; None: all questions have one.
        grace: How long the last answer is used before the missing answer is reported again.
    """
    learnt = record
    for answer in answers:
        learnt = _learn(learnt, answer)
    source, answered_at = record.source, record.answered_at
    events: list[Event] = []
    since, ended = None, False
    if problem is None:
        answered_at = now
        if record.lost_since is not None:
            events.append(RevocationSourceReturned(source=source, away=now - record.lost_since))
    else:
        since = record.lost_since or now
        if record.lost_since is None:
            events.append(
                RevocationSourceLost(source=source, problem=problem, answered_at=answered_at)
            )
        ended = now >= (answered_at or since) + grace
        if ended and not record.grace_ended:
            events.append(
                RevocationGraceEnded(source=source, problem=problem, answered_at=answered_at)
            )
    asked = RevocationSourceAsked(source=source, answered=problem is None, answered_at=answered_at)
    changes = {
        "answered_at": answered_at,
        "lost_since": since,
        "problem": problem,
        "grace_ended": ended,
    }
    return learnt.model_copy(update=changes), (asked, *events)


def _learn(record: SourceRecord, answer: Answer) -> SourceRecord:
    """Replace older statements. A final revocation stays (RFC 5280, 5.3.1)."""
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
            revoked[thumbprint] = revocation if held is None else most_severe((revocation, held))
    return record.model_copy(
        update={"assurances": tuple(known.values()), "revocations": tuple(revoked.values())}
    )


def _may_return(held: Revocation, assurance: Assurance) -> bool:
    return (
        held.reason is RevocationReason.CERTIFICATE_HOLD
        and held.stated_at is not None
        and held.stated_at <= assurance.stated_at
    )
