"""The history of a letter, and letters grouped by cause."""

from datetime import timedelta

import pytest

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import (
    Happening,
    HistoryEntry,
    LetterState,
)
from bus.core.dead_letters.selection import Selection
from bus.core.failure import Stage
from bus.ports import DeadLetters
from schemas.errors import FailureClass
from schemas.identifiers import EnvelopeId, MailboxName
from tests.support.letters import (
    DOWN,
    FORGED,
    MINUTE,
    NOW,
    REFUSED,
    an_attempt,
    id_of,
    retry_at,
    standing,
)
from tests.support.recorded_letters import (
    LATER,
    named,
    record,
)


async def test_the_history_of_a_letter_is_told_in_the_order_in_which_it_happened(
    letters: DeadLetters,
) -> None:
    await record(letters, decide=retry_at(NOW))
    await record(letters, "other")
    await letters.retried(named("147"), now=NOW + MINUTE)
    await record(letters, number=2, code=REFUSED, at=NOW + 2 * MINUTE, now=NOW + 3 * MINUTE)

    assert await letters.history(id_of("147")) == (
        HistoryEntry(at=NOW, happening=Happening.FAILED, text=DOWN),
        HistoryEntry(at=NOW + MINUTE, happening=Happening.RETRIED),
        HistoryEntry(at=NOW + 2 * MINUTE, happening=Happening.FAILED, text=REFUSED),
        HistoryEntry(at=NOW + 3 * MINUTE, happening=Happening.PARKED),
    )


# --- causes -------------------------------------------------------------------------------------


async def test_letters_are_grouped_by_cause_the_largest_group_first(letters: DeadLetters) -> None:
    now = NOW + timedelta(hours=2)
    await record(letters, "forged", code=FORGED, at=now)
    await record(letters, "a", at=NOW, field="subject")
    await record(letters, "b", at=now - MINUTE, field="subject", decide=retry_at(LATER))
    await record(letters, "c", at=now - 61 * MINUTE, field="subject")
    await record(letters, "a", 2, at=now - 2 * MINUTE, field="subject")

    groups = await letters.groups(Selection(), now=now)

    failure = an_attempt(field="subject").failure
    assert groups[0] == Cause(
        fingerprint=failure.fingerprint,
        mailbox=MailboxName("H24"),
        stage=Stage.HAND_OVER,
        failure_class=FailureClass.RECIPIENT_DOWN,
        code=DOWN,
        field="subject",
        example=id_of("b"),
        counts={LetterState.PARKED: 2, LetterState.WAITING: 1},
        oldest=now - 61 * MINUTE,
        newest=now - MINUTE,
        recent=1,
        earlier=1,
    )
    assert (groups[1].code, groups[1].counts) == (FORGED, {LetterState.PARKED: 1})
    assert (groups[1].recent, groups[1].earlier) == (1, 0)


@pytest.mark.parametrize(
    "selection",
    [
        standing(LetterState.WAITING),
        standing(LetterState.WAITING, mailbox="H24"),
        standing(LetterState.WAITING, sender="G22"),
    ],
)
async def test_groups_know_only_what_is_selected(
    letters: DeadLetters, selection: Selection
) -> None:
    await record(letters, "a", at=NOW, decide=retry_at(LATER))
    await record(letters, "b", at=NOW + MINUTE, decide=retry_at(LATER))
    await record(letters, "c", at=NOW + 2 * MINUTE)

    [group] = await letters.groups(selection, now=NOW + 3 * MINUTE)

    assert group.counts == {LetterState.WAITING: 2}
    assert (group.example, group.oldest, group.newest) == (id_of("b"), NOW, NOW + MINUTE)
    assert (group.recent, group.earlier) == (2, 0)


async def test_a_letter_that_fails_for_another_reason_changes_its_group(
    letters: DeadLetters,
) -> None:
    await record(letters, decide=retry_at(NOW))
    await letters.retried(named("147"), now=NOW)
    await record(letters, number=2, code=REFUSED)

    assert [group.code for group in await letters.groups(Selection(), now=NOW)] == [REFUSED]


async def test_without_letters_there_are_no_causes(letters: DeadLetters) -> None:
    assert await letters.groups(Selection(), now=NOW) == ()


async def test_where_the_letters_of_envelopes_stand_is_told_by_mailbox(
    letters: DeadLetters,
) -> None:
    await record(letters, "a")
    await record(letters, "b", mailbox="H41", decide=retry_at(LATER))
    await record(letters, "c")
    told = [an_attempt(name).envelope_id or "" for name in ("a", "b", "unknown")]

    found = await letters.states([EnvelopeId(each) for each in told])

    assert found == {
        (told[0], "H24"): LetterState.PARKED,
        (told[1], "H41"): LetterState.WAITING,
    }
    assert await letters.states([]) == {}
