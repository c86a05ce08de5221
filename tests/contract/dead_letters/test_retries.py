"""Waiting letters are due, and are marked when they were delivered again."""

import asyncio

from bus.core.dead_letters.letter import (
    Happening,
    HistoryEntry,
    LetterId,
    LetterState,
)
from bus.ports import DeadLetters, StoredLetter
from tests.support.letters import (
    MINUTE,
    NOW,
    a_delivery,
    an_order,
    id_of,
    park,
    retry_at,
    those,
)
from tests.support.recorded_letters import (
    LATER,
    ONE,
    history_of,
    ids,
    named,
    record,
    state_of,
)


async def test_waiting_letters_are_due_from_their_moment_on_the_longest_due_first(
    letters: DeadLetters,
) -> None:
    for name, minutes in (("b", 2), ("c", 3), ("a", 1)):
        await record(letters, name, decide=retry_at(NOW + minutes * MINUTE))
    await record(letters, "parked")

    assert await letters.due(now=NOW, limit=10) == ()
    assert ids(await letters.due(now=NOW + 2 * MINUTE, limit=10)) == named("a", "b")
    assert ids(await letters.due(now=NOW + 3 * MINUTE, limit=2)) == named("a", "b")


async def test_a_due_letter_comes_with_its_delivery(letters: DeadLetters) -> None:
    letter = await record(letters, decide=retry_at(NOW))

    assert await letters.due(now=NOW, limit=10) == (
        StoredLetter(letter=letter, message=a_delivery("147")),
    )


async def test_a_letter_held_by_an_order_is_not_due(letters: DeadLetters) -> None:
    await record(letters, decide=retry_at(NOW))
    await letters.place(an_order(needs_approval=True), order_id=ONE, now=NOW)

    assert await letters.due(now=LATER, limit=10) == ()

    await letters.cancel(ONE, operator="an.nguyen", now=LATER)
    assert ids(await letters.due(now=LATER, limit=10)) == named("147")


async def test_a_retried_letter_is_redelivered_and_no_longer_due(letters: DeadLetters) -> None:
    await record(letters, decide=retry_at(NOW))

    await letters.retried(named("147"), now=LATER)

    letter = await letters.letter(id_of("147"))
    assert (letter.state, letter.due_at) == (LetterState.REDELIVERED, None)
    assert (letter.changed_at, letter.replays) == (LATER, 0)
    assert await letters.due(now=LATER, limit=10) == ()
    assert (await letters.history(letter.id))[-1] == HistoryEntry(
        at=LATER, happening=Happening.RETRIED
    )


async def test_only_waiting_letters_are_marked_as_retried(letters: DeadLetters) -> None:
    await record(letters, "parked")
    await record(letters, "held", decide=retry_at(NOW))
    await letters.place(
        an_order(selection=those("held"), needs_approval=True), order_id=ONE, now=NOW
    )

    await letters.retried([*named("parked", "held"), LetterId("unknown")], now=NOW)

    assert await state_of(letters, "parked") is LetterState.PARKED
    assert await state_of(letters, "held") is LetterState.WAITING


async def test_a_letter_is_retried_once_however_often_that_is_said(letters: DeadLetters) -> None:
    await record(letters, decide=retry_at(NOW))

    await asyncio.gather(*(letters.retried(named("147", "147"), now=NOW) for _ in range(5)))

    assert await history_of(letters, "147") == [Happening.FAILED, Happening.RETRIED]


async def test_a_letter_that_fails_again_before_it_was_marked_as_retried_is_not_lost(
    letters: DeadLetters,
) -> None:
    for name in ("waits", "parked"):
        await record(letters, name, decide=retry_at(NOW))
    await record(letters, "waits", 2, decide=retry_at(LATER))
    await record(letters, "parked", 2, decide=park)

    await letters.retried(named("waits", "parked"), now=NOW + MINUTE)

    assert await state_of(letters, "waits") is LetterState.WAITING
    assert await state_of(letters, "parked") is LetterState.PARKED
    assert await history_of(letters, "waits") == [
        Happening.FAILED,
        Happening.RETRIED,
        Happening.FAILED,
    ]


# --- orders: replay -----------------------------------------------------------------------------
