"""The duplicate rule, by outcome; every inbox obeys it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.core.duplicates import Rival, Standing, judge
from schemas.identifiers import EnvelopeId
from tests.support.envelopes import NOW

ONE, OTHER, THIRD = EnvelopeId("a" * 64), EnvelopeId("b" * 64), EnvelopeId("c" * 64)
LATER, EARLIER = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)


@dataclass(frozen=True)
class Known:
    envelope_id: EnvelopeId
    standing: Standing
    lease: datetime | None = None
    done_at: datetime | None = None


def judged(*known: Known) -> tuple[Standing, Rival | None]:
    """Of the content `ONE`, claimed now."""
    before = next((each for each in known if each.envelope_id == ONE), None)
    return judge(ONE, before, known, now=NOW)


def test_what_never_came_is_worked_on() -> None:
    assert judged() == (Standing.FRESH, None)


def test_what_is_done_is_answered_and_not_worked_on() -> None:
    assert judged(Known(ONE, Standing.DONE, done_at=EARLIER)) == (Standing.DONE, None)


def test_what_another_works_on_is_left_to_it_until_its_lease_ends() -> None:
    assert judged(Known(ONE, Standing.IN_PROGRESS, LATER)) == (Standing.IN_PROGRESS, None)
    assert judged(Known(ONE, Standing.IN_PROGRESS, NOW)) == (Standing.FRESH, None)


def test_what_failed_is_worked_on_again() -> None:
    assert judged(Known(ONE, Standing.FRESH)) == (Standing.FRESH, None)


def test_other_content_that_was_handed_over_or_is_in_work_is_a_conflict() -> None:
    done = Known(OTHER, Standing.DONE, done_at=EARLIER)

    assert judged(done) == (Standing.CONFLICT, Rival(envelope_id=OTHER, at=EARLIER))
    assert judged(Known(OTHER, Standing.IN_PROGRESS, LATER))[0] is Standing.CONFLICT
    # The content that was handed over is named before one that is in work.
    rival = judged(Known(THIRD, Standing.IN_PROGRESS, LATER), done)[1]
    assert rival == Rival(envelope_id=OTHER, at=EARLIER)


def test_other_content_that_nobody_took_is_none() -> None:
    """It failed, or its lease ended: the document was not handed over with it."""
    assert judged(Known(OTHER, Standing.FRESH))[0] is Standing.FRESH
    assert judged(Known(OTHER, Standing.IN_PROGRESS, EARLIER))[0] is Standing.FRESH
    assert judged(Known(OTHER, Standing.CONFLICT))[0] is Standing.FRESH


def test_a_conflict_stays_one_until_a_person_decides() -> None:
    assert judged(Known(ONE, Standing.CONFLICT)) == (Standing.CONFLICT, None)


def test_what_was_handed_over_stays_done_whatever_came_later() -> None:
    known = Known(ONE, Standing.DONE, done_at=EARLIER), Known(OTHER, Standing.DONE, done_at=NOW)

    assert judged(*known) == (Standing.DONE, None)
