"""A failed attempt becomes a dead letter, and a letter takes its next failures."""

import asyncio
from dataclasses import replace
from typing import Any

from bus.core.dead_letters.course import MAX_TERM_LENGTH
from bus.core.dead_letters.letter import (
    DeadLetter,
    FailedAttempt,
    Happening,
    HistoryEntry,
    LetterState,
)
from bus.core.dead_letters.order import Action
from bus.core.dead_letters.selection import Selection
from bus.core.failure import Stage
from bus.core.message import WireMessage
from bus.ports import DeadLetters, Recorded
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from schemas.problem import Place, Problem
from tests.support.letters import (
    MINUTE,
    NOW,
    REFUSED,
    a_delivery,
    an_attempt,
    an_order,
    id_of,
    park,
    quarantine,
    retry_at,
)
from tests.support.recorded_letters import (
    LATER,
    ONE,
    TWO,
    history_of,
    ids,
    named,
    record,
    replay,
)


async def test_a_first_failure_becomes_a_letter(letters: DeadLetters) -> None:
    attempt = an_attempt("147", field="subject")

    recorded = await letters.record(attempt, park, now=LATER)

    letter = DeadLetter(
        id=id_of("147"),
        state=LetterState.PARKED,
        mailbox=MailboxName("H24"),
        sender="G22",
        reporter="agency.H24",
        lane="standard",
        kind="document",
        failure_class=FailureClass.RECIPIENT_DOWN,
        stage=Stage.HAND_OVER,
        fingerprint=attempt.failure.fingerprint,
        problem=attempt.failure.problem,
        number="147/UBND-VP",
        document_id=attempt.document_id,
        envelope_id=attempt.envelope_id,
        first_failed_at=NOW,
        failed_at=NOW,
        changed_at=LATER,
    )
    assert recorded == Recorded(letter=letter, fresh=True)
    assert await letters.letter(id_of("147")) == letter
    assert await letters.find(Selection(), limit=10) == (letter,)


async def test_what_is_postponed_is_due_later_and_nothing_has_happened_to_it(
    letters: DeadLetters,
) -> None:
    await record(letters, "147", decide=retry_at(NOW))
    await record(letters, "148")

    await letters.postpone([id_of("147"), id_of("148")], until=LATER)

    assert await letters.due(now=LATER - MINUTE, limit=10) == ()
    assert ids(await letters.due(now=LATER, limit=10)) == named("147")
    assert await history_of(letters, "147") == [Happening.FAILED]


async def test_what_is_decided_is_kept_with_the_attempt(letters: DeadLetters) -> None:
    waiting = await record(letters, "waiting", decide=retry_at(LATER))
    parked = await record(letters, "parked", decide=park)
    quarantined = await record(letters, "quarantined", decide=quarantine)

    assert (waiting.state, waiting.due_at) == (LetterState.WAITING, LATER)
    assert (parked.state, parked.due_at) == (LetterState.PARKED, None)
    assert (quarantined.state, quarantined.due_at) == (LetterState.QUARANTINED, None)
    assert await history_of(letters, "waiting") == [Happening.FAILED]
    assert await history_of(letters, "parked") == [Happening.FAILED, Happening.PARKED]
    assert await history_of(letters, "quarantined") == [Happening.FAILED, Happening.QUARANTINED]


async def test_the_decision_hears_how_often_it_failed_and_was_replayed(
    letters: DeadLetters,
) -> None:
    heard = []

    def listen(attempt: FailedAttempt, attempts: int, replays: int) -> Any:
        heard.append((attempt.failure.attempt, attempts, replays))
        return park(attempt, attempts, replays)

    await record(letters, number=1, decide=listen)
    await replay(letters)
    await record(letters, number=2, decide=listen)

    assert heard == [(1, 1, 0), (2, 2, 1)]


async def test_the_same_attempt_twice_is_kept_and_counted_once(letters: DeadLetters) -> None:
    first = await letters.record(an_attempt(), park, now=NOW)
    again = await letters.record(an_attempt(), retry_at(LATER), now=LATER)

    assert (first.fresh, again.fresh) == (True, False)
    assert again.letter == first.letter
    assert await letters.count(Selection()) == 1
    assert await history_of(letters, "147") == [Happening.FAILED, Happening.PARKED]


async def test_copies_of_one_attempt_at_once_are_counted_once(letters: DeadLetters) -> None:
    answers = await asyncio.gather(
        *(letters.record(an_attempt(), park, now=NOW) for _ in range(20))
    )

    assert sorted(answer.fresh for answer in answers) == [*[False] * 19, True]
    assert (await letters.letter(id_of("147"))).attempts == 1


async def test_two_attempts_of_one_delivery_at_once_are_both_counted(letters: DeadLetters) -> None:
    await asyncio.gather(*(record(letters, number=number) for number in range(1, 6)))

    assert (await letters.letter(id_of("147"))).attempts == 5
    assert (await history_of(letters, "147")).count(Happening.FAILED) == 5


async def test_a_known_letter_takes_the_new_problem_and_keeps_its_first_bytes(
    letters: DeadLetters,
) -> None:
    await record(letters, number=1, decide=retry_at(LATER))
    await letters.retried(named("147"), now=LATER)

    again = await record(
        letters,
        number=2,
        at=LATER,
        now=LATER,
        code=REFUSED,
        field="subject",
        message=replace(a_delivery("147"), message_id="second", attempt=2),
    )

    assert (again.problem.code, again.problem.place.field) == (REFUSED, "subject")
    assert again.failure_class == FailureClass.RECIPIENT_REFUSED
    assert again.fingerprint == an_attempt(code=REFUSED, field="subject").failure.fingerprint
    assert (again.attempts, again.state) == (2, LetterState.PARKED)
    assert (again.first_failed_at, again.failed_at, again.changed_at) == (NOW, LATER, LATER)
    assert await letters.message(again.id) == a_delivery("147")


async def test_a_letter_keeps_its_mailbox_when_it_fails_at_another(letters: DeadLetters) -> None:
    await record(letters, mailbox="H24")
    await replay(letters)

    again = await record(letters, number=2, mailbox="H24.05")

    assert again.mailbox == "H24"
    assert again.fingerprint == an_attempt(mailbox="H24.05").failure.fingerprint


async def test_a_late_copy_of_an_older_attempt_does_not_turn_the_clock_back(
    letters: DeadLetters,
) -> None:
    await record(letters, number=2, at=LATER)

    letter = await record(letters, number=1, at=NOW, now=LATER)

    assert (letter.first_failed_at, letter.failed_at, letter.attempts) == (NOW, LATER, 2)


async def test_a_letter_that_fails_after_a_replay_has_returned(letters: DeadLetters) -> None:
    await record(letters)
    await replay(letters)
    assert not (await letters.letter(id_of("147"))).returned

    again = await record(letters, number=2)

    assert again.returned
    assert (again.state, again.attempts, again.replays) == (LetterState.PARKED, 2, 1)


async def test_a_letter_that_fails_after_an_automatic_retry_has_not_returned(
    letters: DeadLetters,
) -> None:
    await record(letters, decide=retry_at(NOW))
    await letters.retried(named("147"), now=NOW)

    assert not (await record(letters, number=2)).returned


async def test_a_new_replay_gives_a_returned_letter_another_chance(letters: DeadLetters) -> None:
    await record(letters)
    await replay(letters)
    await record(letters, number=2)

    await replay(letters, order_id=TWO)

    letter = await letters.letter(id_of("147"))
    assert (letter.returned, letter.replays) == (False, 2)
    assert (await record(letters, number=3)).returned


async def test_what_was_discarded_stays_so_and_its_new_attempt_is_in_the_history(
    letters: DeadLetters,
) -> None:
    await record(letters)
    await letters.place(an_order(Action.DISCARD, reason="twin"), order_id=ONE, now=NOW)

    letter = await record(letters, number=2, at=LATER, code=REFUSED, decide=retry_at(LATER))

    assert (letter.state, letter.due_at) == (LetterState.DISCARDED, None)
    assert (letter.attempts, letter.problem.code) == (2, REFUSED)
    assert (await letters.history(letter.id))[-1] == HistoryEntry(
        at=LATER, happening=Happening.FAILED, text=REFUSED
    )


async def test_what_is_quarantined_stays_so_whatever_is_decided_later(letters: DeadLetters) -> None:
    await record(letters, decide=quarantine)

    assert (await record(letters, number=2, decide=park)).state is LetterState.QUARANTINED


async def test_whatever_somebody_wrote_is_kept(letters: DeadLetters) -> None:
    failure = an_attempt().failure.model_copy(
        update={
            "mailbox": "H24\0",
            "fingerprint": "\0" * 5_000,
            "problem": Problem(
                code="\0", place=Place(field="\0"), params={"\0": "\0"}, detail="\0"
            ),
        }
    )
    nonsense = replace(
        an_attempt(),
        failure=failure,
        sender="a\0b",
        lane="",
        kind="\ud800",
        number="7" * 5_000,
        document_id="\0",
        envelope_id=None,
        message=WireMessage(
            exchange="",
            routing_key="a\0b",
            body=bytes(range(256)) * 3,
            type="\0",
            message_id="",
            signature="\x80\0",
            headers={"\0": "\0", "empty": "", "é": "\ud800"},
        ),
    )

    letter = (await letters.record(nonsense, park, now=NOW)).letter

    assert await letters.letter(letter.id) == letter
    assert await letters.message(letter.id) == nonsense.message
    assert letter.number == "7" * MAX_TERM_LENGTH
    assert letter.problem.params == {"\0": "\0"}
    assert [group.example for group in await letters.groups(Selection(), now=NOW)] == [letter.id]
    assert await letters.count(Selection(number="7" * MAX_TERM_LENGTH)) == 1


async def test_many_letters_are_recorded_at_once(letters: DeadLetters) -> None:
    names = [str(number) for number in range(700)]

    answers = await asyncio.gather(*(record(letters, name) for name in names))

    assert ids(answers) == named(*names)
    assert await letters.count(Selection()) == 700
    assert [(await letters.message(id_of(name))).body for name in names[::100]] == [
        a_delivery(name).body for name in names[::100]
    ]


# --- automatic retries --------------------------------------------------------------------------
