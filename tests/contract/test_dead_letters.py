"""Dead letters, their history and operators' orders, kept by SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.course import MAX_TERM_LENGTH
from bus.core.dead_letters.letter import (
    DeadLetter,
    Decide,
    FailedAttempt,
    Happening,
    HistoryEntry,
    LetterId,
    LetterState,
    OrderId,
)
from bus.core.dead_letters.order import Action, Order, OrderState
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.failure import Stage
from bus.core.message import WireMessage
from bus.ports import DeadLetters, Recorded, StoredLetter
from bus.store.sql import open_dead_letters
from schemas.errors import FailureClass
from schemas.identifiers import EnvelopeId, MailboxName
from schemas.problem import ConfigurationError, Place, Problem
from tests.integration.store.databases import DATABASES, empty_database
from tests.support.letters import (
    DOWN,
    FORGED,
    MINUTE,
    NOW,
    REFUSED,
    a_delivery,
    an_attempt,
    an_order,
    as_shipped,
    id_of,
    park,
    quarantine,
    retry_at,
    standing,
    those,
)

LATER = NOW + timedelta(hours=1)
ONE, TWO, THREE = OrderId("order-1"), OrderId("order-2"), OrderId("order-3")


@pytest.fixture(params=DATABASES)
async def letters(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DeadLetters]:
    async with empty_database(request.param, tmp_path) as url, open_dead_letters(url) as store:
        yield store


async def record(
    letters: DeadLetters,
    name: str = "147",
    number: int = 1,
    *,
    decide: Decide = park,
    now: datetime = NOW,
    **changes: Any,
) -> DeadLetter:
    attempt = an_attempt(name, number, **changes)
    return (await letters.record(attempt, decide, now=now)).letter


async def record_each(letters: DeadLetters, *names: str, decide: Decide = park) -> None:
    """Letters that failed a minute apart, in this order."""
    for minute, name in enumerate(names):
        await record(letters, name, at=NOW + minute * MINUTE, decide=decide)


async def replay(
    letters: DeadLetters, name: str = "147", *, order_id: OrderId = ONE, now: datetime = NOW
) -> Order:
    """Deliver one letter again, as the handler would."""
    order = an_order(selection=those(name))
    await letters.place(order, order_id=order_id, now=now)
    found = await letters.next_of(order_id, limit=10)
    await letters.replayed(order_id, [each.letter.id for each in found], now=now)
    return await letters.order(order_id)


async def state_of(letters: DeadLetters, name: str) -> LetterState:
    return (await letters.letter(id_of(name))).state


async def history_of(letters: DeadLetters, name: str) -> list[Happening]:
    return [entry.happening for entry in await letters.history(id_of(name))]


def ids(letters: Sequence[DeadLetter | StoredLetter]) -> list[LetterId]:
    return [each.letter.id if isinstance(each, StoredLetter) else each.id for each in letters]


def named(*names: str) -> list[LetterId]:
    return [id_of(name) for name in names]


async def refusal(work: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        await work
    return refused.value.problem.code


# --- failed attempts ----------------------------------------------------------------------------


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


async def test_a_replay_runs_and_gives_its_letters_oldest_failure_first(
    letters: DeadLetters,
) -> None:
    await record_each(letters, "c", "a", "b")

    order = await letters.place(an_order(rate=5.0, reason="it is up"), order_id=ONE, now=LATER)

    assert order == Order(
        action=Action.REPLAY,
        selection=Selection(),
        operator="an.nguyen",
        rate=5.0,
        reason="it is up",
        id=ONE,
        state=OrderState.RUNNING,
        placed_at=LATER,
        total=3,
    )
    assert await letters.order(ONE) == order
    assert ids(await letters.next_of(ONE, limit=2)) == named("c", "a")
    first = (await letters.next_of(ONE, limit=1))[0]
    assert first.message == a_delivery("c")
    assert first.letter == await letters.letter(id_of("c"))
    assert first.letter.order == ONE


async def test_the_set_of_an_order_is_frozen(letters: DeadLetters) -> None:
    await record(letters, "before")
    await letters.place(an_order(), order_id=ONE, now=NOW)

    await record(letters, "after")

    assert ids(await letters.next_of(ONE, limit=10)) == named("before")
    assert (await letters.order(ONE)).total == 1


async def test_a_replayed_letter_is_dealt_with_and_the_last_one_ends_the_order(
    letters: DeadLetters,
) -> None:
    await record_each(letters, "a", "b")
    await letters.place(an_order(reason="it is up"), order_id=ONE, now=NOW)

    await letters.replayed(ONE, named("a"), now=LATER)

    letter, order = await letters.letter(id_of("a")), await letters.order(ONE)
    assert (letter.state, letter.replays, letter.order) == (LetterState.REDELIVERED, 1, None)
    assert letter.changed_at == LATER
    assert (order.state, order.done, order.finished_at) == (OrderState.RUNNING, 1, None)
    assert ids(await letters.next_of(ONE, limit=10)) == named("b")
    assert (await letters.history(letter.id))[-1] == HistoryEntry(
        at=LATER,
        happening=Happening.REPLAYED,
        operator="an.nguyen",
        order=ONE,
        text="it is up",
    )

    await letters.replayed(ONE, named("b"), now=LATER)

    order = await letters.order(ONE)
    assert (order.state, order.done, order.finished_at) == (OrderState.DONE, 2, LATER)
    assert await letters.next_of(ONE, limit=10) == ()


async def test_a_letter_is_replayed_once_however_often_that_is_said(letters: DeadLetters) -> None:
    await record_each(letters, "a", "b")
    await letters.place(an_order(), order_id=ONE, now=NOW)

    await asyncio.gather(*(letters.replayed(ONE, named("a", "a"), now=NOW) for _ in range(5)))

    assert (await letters.letter(id_of("a"))).replays == 1
    assert (await letters.order(ONE)).done == 1


async def test_a_waiting_letter_that_is_replayed_is_no_longer_due(letters: DeadLetters) -> None:
    await record(letters, decide=retry_at(NOW))

    await replay(letters)

    assert (await letters.letter(id_of("147"))).due_at is None
    assert await letters.due(now=LATER, limit=10) == ()


async def test_an_order_touches_only_letters_it_can_act_upon(letters: DeadLetters) -> None:
    await record(letters, "waiting", decide=retry_at(LATER))
    await record(letters, "parked")
    await record(letters, "quarantined", decide=quarantine)
    await record(letters, "redelivered")
    await replay(letters, "redelivered")

    order = await letters.place(an_order(), order_id=TWO, now=NOW)

    assert order.total == 2
    assert set(ids(await letters.next_of(TWO, limit=10))) == set(named("waiting", "parked"))


async def test_an_order_takes_what_its_selection_means(letters: DeadLetters) -> None:
    await record(letters, "ours")
    await record(letters, "other mailbox", mailbox="H26")
    await record(letters, "waiting", decide=retry_at(LATER))
    selection = standing(LetterState.PARKED, LetterState.QUARANTINED, mailbox="H24")

    await letters.place(an_order(selection=selection), order_id=ONE, now=NOW)

    assert ids(await letters.next_of(ONE, limit=10)) == named("ours")
    assert (await letters.order(ONE)).selection == selection


async def test_a_limit_takes_the_oldest(letters: DeadLetters) -> None:
    await record_each(letters, "c", "a", "b")

    order = await letters.place(an_order(limit=2), order_id=ONE, now=NOW)

    assert order.total == 2
    assert ids(await letters.next_of(ONE, limit=10)) == named("c", "a")


async def test_an_order_without_letters_is_done_from_the_start(letters: DeadLetters) -> None:
    for needs_approval, order_id in ((False, ONE), (True, TWO)):
        order = await letters.place(
            an_order(needs_approval=needs_approval), order_id=order_id, now=NOW
        )

        assert (order.state, order.total, order.finished_at) == (OrderState.DONE, 0, NOW)
        assert await letters.next_of(order_id, limit=10) == ()


async def test_a_second_operator_is_told_what_is_held_and_by_whom(letters: DeadLetters) -> None:
    await record_each(letters, "a", "b", "c", "d")
    await letters.place(an_order(selection=those("a", "b")), order_id=ONE, now=NOW)
    await letters.place(an_order(selection=those("c"), operator="binh.tran"), order_id=TWO, now=NOW)

    order = await letters.place(an_order(operator="chi.le"), order_id=THREE, now=NOW)

    assert (order.total, order.held) == (1, 3)
    assert order.others == ("order-1 (an.nguyen)", "order-2 (binh.tran)")
    assert ids(await letters.next_of(THREE, limit=10)) == named("d")
    assert (await letters.letter(id_of("a"))).order == ONE
    assert await letters.order(THREE) == order


async def test_letters_that_were_dealt_with_are_not_held(letters: DeadLetters) -> None:
    await record(letters)
    await replay(letters)
    await record(letters, number=2)

    order = await letters.place(an_order(), order_id=TWO, now=NOW)

    assert (order.total, order.held, order.others) == (1, 0, ())


async def test_two_orders_at_once_share_no_letter(letters: DeadLetters) -> None:
    await asyncio.gather(*(record(letters, str(number)) for number in range(50)))

    orders = await asyncio.gather(
        *(letters.place(an_order(limit=40), order_id=each, now=NOW) for each in (ONE, TWO))
    )

    assert sorted(order.total for order in orders) == [10, 40]
    taken = [ids(await letters.next_of(order.id, limit=50)) for order in orders]
    assert set(taken[0]).isdisjoint(taken[1])


async def test_a_late_copy_of_an_attempt_does_not_take_a_letter_out_of_its_order(
    letters: DeadLetters,
) -> None:
    await record(letters, number=2)
    await letters.place(an_order(), order_id=ONE, now=NOW)

    letter = await record(letters, number=1, code=REFUSED, decide=retry_at(NOW))

    assert (letter.state, letter.due_at, letter.order) == (LetterState.PARKED, None, ONE)
    assert (letter.attempts, letter.problem.code) == (2, REFUSED)
    assert ids(await letters.next_of(ONE, limit=10)) == named("147")


async def test_a_letter_that_fails_again_before_it_was_marked_as_replayed_is_not_lost(
    letters: DeadLetters,
) -> None:
    await record(letters)
    await letters.place(an_order(), order_id=ONE, now=NOW)
    again = await record(letters, number=2)

    await letters.replayed(ONE, named("147"), now=LATER)

    assert await letters.letter(id_of("147")) == again
    assert (again.state, again.returned, again.replays) == (LetterState.PARKED, True, 1)
    assert again.order is None
    assert await history_of(letters, "147") == [
        Happening.FAILED,
        Happening.PARKED,
        Happening.REPLAYED,
        Happening.FAILED,
        Happening.PARKED,
    ]
    order = await letters.order(ONE)
    assert (order.state, order.done) == (OrderState.DONE, 1)


async def test_a_letter_that_comes_back_too_often_is_quarantined_and_restore_starts_anew(
    letters: DeadLetters,
) -> None:
    letter = await record(letters, code=REFUSED, decide=as_shipped)
    for number in range(2, 5):
        assert letter.state is LetterState.PARKED
        await replay(letters, order_id=OrderId(f"replay-{number}"))
        letter = await record(letters, number=number, code=REFUSED, decide=as_shipped)

    assert (letter.state, letter.replays) == (LetterState.QUARANTINED, 3)
    assert (await letters.place(an_order(), order_id=ONE, now=NOW)).total == 0

    await letters.place(an_order(Action.RESTORE), order_id=TWO, now=LATER)

    letter = await letters.letter(id_of("147"))
    assert (letter.state, letter.replays, letter.attempts) == (LetterState.PARKED, 0, 4)
    assert not letter.returned
    await replay(letters, order_id=THREE)
    again = await record(letters, number=5, code=REFUSED, decide=as_shipped)
    assert (again.state, again.replays) == (LetterState.PARKED, 1)


# --- orders: discard, restore -------------------------------------------------------------------


async def test_a_discard_is_carried_out_at_once(letters: DeadLetters) -> None:
    await record(letters, "waiting", decide=retry_at(NOW))
    await record(letters, "parked")
    await record(letters, "quarantined", decide=quarantine)
    await record(letters, "redelivered")
    await replay(letters, "redelivered")

    order = await letters.place(
        an_order(Action.DISCARD, reason="sent on paper"), order_id=TWO, now=LATER
    )

    assert (order.state, order.total, order.done) == (OrderState.DONE, 3, 3)
    assert order.finished_at == LATER
    assert await letters.count(standing(LetterState.DISCARDED)) == 3
    assert await state_of(letters, "redelivered") is LetterState.REDELIVERED
    waiting = await letters.letter(id_of("waiting"))
    assert (waiting.due_at, waiting.order, waiting.changed_at) == (None, None, LATER)
    assert (await letters.history(waiting.id))[-1] == HistoryEntry(
        at=LATER,
        happening=Happening.DISCARDED,
        operator="an.nguyen",
        order=TWO,
        text="sent on paper",
    )
    assert await letters.message(waiting.id) == a_delivery("waiting")


async def test_what_was_discarded_can_be_restored_as_it_was(letters: DeadLetters) -> None:
    await record(letters)
    await replay(letters)
    before = await record(letters, number=2)
    await letters.place(an_order(Action.DISCARD, reason="mistake"), order_id=TWO, now=NOW)

    order = await letters.place(an_order(Action.RESTORE), order_id=THREE, now=NOW)

    assert (order.state, order.done) == (OrderState.DONE, 1)
    assert await letters.letter(id_of("147")) == before
    assert (before.replays, before.returned) == (1, True)
    assert (await history_of(letters, "147"))[-2:] == [Happening.DISCARDED, Happening.RESTORED]


async def test_a_discard_leaves_alone_what_a_replay_holds(letters: DeadLetters) -> None:
    await record_each(letters, "a", "b")
    await letters.place(an_order(selection=those("a")), order_id=ONE, now=NOW)

    order = await letters.place(an_order(Action.DISCARD, reason="old"), order_id=TWO, now=NOW)

    assert (order.total, order.done, order.held) == (1, 1, 1)
    assert await state_of(letters, "a") is LetterState.PARKED


async def test_the_handler_has_nothing_to_publish_for_a_discard(letters: DeadLetters) -> None:
    await record(letters)
    await letters.place(
        an_order(Action.DISCARD, reason="old", needs_approval=True), order_id=ONE, now=NOW
    )

    assert await letters.next_of(ONE, limit=10) == ()


# --- orders: approval, cancelling ---------------------------------------------------------------


async def test_a_pending_order_holds_its_letters_and_runs_when_it_is_approved(
    letters: DeadLetters,
) -> None:
    await record(letters)
    pending = await letters.place(an_order(needs_approval=True), order_id=ONE, now=NOW)
    assert (pending.state, pending.total) == (OrderState.PENDING, 1)
    assert (await letters.letter(id_of("147"))).order == ONE
    assert await letters.next_of(ONE, limit=10) == ()

    approved = await letters.approve(ONE, operator="binh.tran", now=LATER)

    assert approved == pending.model_copy(
        update={"state": OrderState.RUNNING, "approved_by": "binh.tran"}
    )
    assert await letters.order(ONE) == approved
    assert ids(await letters.next_of(ONE, limit=10)) == named("147")


async def test_a_pending_discard_is_carried_out_when_it_is_approved(letters: DeadLetters) -> None:
    await record(letters)
    await letters.place(
        an_order(Action.DISCARD, reason="old", needs_approval=True), order_id=ONE, now=NOW
    )
    assert await state_of(letters, "147") is LetterState.PARKED

    order = await letters.approve(ONE, operator="binh.tran", now=LATER)

    assert (order.state, order.done, order.finished_at) == (OrderState.DONE, 1, LATER)
    assert await state_of(letters, "147") is LetterState.DISCARDED


async def test_nobody_approves_an_order_of_their_own(letters: DeadLetters) -> None:
    await record(letters)
    await letters.place(an_order(needs_approval=True), order_id=ONE, now=NOW)

    assert await refusal(letters.approve(ONE, operator="an.nguyen", now=NOW)) == "E_SAME_OPERATOR"
    assert (await letters.order(ONE)).state is OrderState.PENDING


async def test_only_a_pending_order_can_be_approved(letters: DeadLetters) -> None:
    await record(letters)
    await letters.place(an_order(), order_id=ONE, now=NOW)

    assert await refusal(letters.approve(ONE, operator="binh.tran", now=NOW)) == "E_ORDER_STATE"


async def test_of_many_approvals_at_once_one_counts(letters: DeadLetters) -> None:
    await record(letters)
    await letters.place(an_order(needs_approval=True), order_id=ONE, now=NOW)

    answers = await asyncio.gather(
        *(letters.approve(ONE, operator=f"operator {n}", now=NOW) for n in range(5)),
        return_exceptions=True,
    )

    approved = [answer for answer in answers if isinstance(answer, Order)]
    assert len(approved) == 1
    assert await letters.order(ONE) == approved[0]


async def test_a_cancelled_order_frees_what_it_has_not_dealt_with(letters: DeadLetters) -> None:
    await record_each(letters, "a", "b")
    await letters.place(an_order(), order_id=ONE, now=NOW)
    await letters.replayed(ONE, named("a"), now=NOW)

    order = await letters.cancel(ONE, operator="binh.tran", now=LATER)

    assert (order.state, order.done, order.total) == (OrderState.CANCELLED, 1, 2)
    assert (order.finished_at, order.cancelled_by) == (LATER, "binh.tran")
    assert await letters.order(ONE) == order
    left = await letters.letter(id_of("b"))
    assert (left.state, left.order) == (LetterState.PARKED, None)
    assert await letters.next_of(ONE, limit=10) == ()
    assert (await letters.place(an_order(), order_id=TWO, now=LATER)).held == 0


async def test_what_was_published_when_its_order_was_cancelled_is_redelivered(
    letters: DeadLetters,
) -> None:
    await record_each(letters, "published", "failed again", "taken", "waits")
    await letters.place(an_order(), order_id=ONE, now=NOW)
    await letters.cancel(ONE, operator="an.nguyen", now=LATER)
    await record(letters, "failed again", 2, at=LATER + MINUTE)
    await letters.place(an_order(selection=those("taken")), order_id=TWO, now=LATER)

    await letters.replayed(ONE, named("published", "failed again", "taken"), now=LATER)

    assert await state_of(letters, "published") is LetterState.REDELIVERED
    for name in ("failed again", "taken", "waits"):
        assert await state_of(letters, name) is LetterState.PARKED
    order = await letters.order(ONE)
    assert (order.state, order.done) == (OrderState.CANCELLED, 1)


async def test_a_pending_order_can_be_cancelled_and_an_ended_one_cannot(
    letters: DeadLetters,
) -> None:
    await record(letters)
    await letters.place(an_order(needs_approval=True), order_id=ONE, now=NOW)
    await letters.cancel(ONE, operator="an.nguyen", now=NOW)
    await replay(letters, order_id=TWO)

    for ended in (ONE, TWO):
        code = await refusal(letters.cancel(ended, operator="an.nguyen", now=NOW))
        assert code == "E_ORDER_STATE"
    assert await refusal(letters.approve(ONE, operator="chi.le", now=NOW)) == "E_ORDER_STATE"


async def test_an_unknown_order_is_refused(letters: DeadLetters) -> None:
    for work in (
        letters.order(ONE),
        letters.approve(ONE, operator="an.nguyen", now=NOW),
        letters.cancel(ONE, operator="an.nguyen", now=NOW),
        letters.next_of(ONE, limit=1),
        letters.replayed(ONE, (), now=NOW),
    ):
        assert await refusal(work) == "E_ORDER_UNKNOWN"


async def test_orders_are_listed_in_the_order_of_placing_by_state(letters: DeadLetters) -> None:
    await record_each(letters, "a", "b")
    running = await letters.place(an_order(selection=those("b")), order_id=TWO, now=NOW)
    pending = await letters.place(an_order(needs_approval=True), order_id=THREE, now=NOW)
    done = await letters.place(an_order(to="H24.05"), order_id=ONE, now=NOW)

    assert await letters.orders() == (running, pending, done)
    assert await letters.orders([OrderState.DONE, OrderState.RUNNING]) == (running, done)
    assert await letters.orders([OrderState.CANCELLED]) == ()
    assert done.to == "H24.05"


# --- finding ------------------------------------------------------------------------------------


async def a_mixed_lot(letters: DeadLetters) -> None:
    """Seven letters: 1 the oldest, 7 the newest."""
    await record(letters, "1", at=NOW + 1 * MINUTE, code=REFUSED, sender="G01")
    await record(letters, "2", at=NOW + 2 * MINUTE, mailbox="H26", decide=retry_at(LATER))
    await record(letters, "3", at=NOW + 3 * MINUTE, code=FORGED, decide=quarantine)
    await record(letters, "4", at=NOW + 4 * MINUTE, code=FORGED, mailbox="H26", sender="G01")
    await record(letters, "5", at=NOW + 5 * MINUTE, decide=retry_at(LATER))
    await record(letters, "6", at=NOW + 6 * MINUTE, mailbox="H26")
    await record(letters, "7", at=NOW)
    await replay(letters, "7")
    await record(letters, "7", 2, at=NOW + 7 * MINUTE)
    await letters.place(
        an_order(Action.DISCARD, selection=those("6"), reason="twin"), order_id=TWO, now=NOW
    )


FORGED_FOR_H26 = an_attempt(code=FORGED, mailbox="H26").failure.fingerprint

SELECTIONS: dict[str, tuple[Selection, str]] = {
    "everything": (Selection(), "7654321"),
    "ids": (those("5", "2", "unknown"), "52"),
    "states": (standing(LetterState.PARKED, LetterState.QUARANTINED), "7431"),
    "mailbox": (Selection(mailbox=MailboxName("H26")), "642"),
    "sender": (Selection(sender="G01"), "41"),
    "class": (Selection(failure_class=FailureClass.SECURITY), "43"),
    "code": (Selection(code=DOWN), "7652"),
    "fingerprint": (Selection(fingerprint=FORGED_FOR_H26), "4"),
    "number": (Selection(number="3/UBND-VP"), "3"),
    "since": (Selection(since=NOW + 4 * MINUTE), "7654"),
    "until": (Selection(until=NOW + 4 * MINUTE), "321"),
    "window": (Selection(since=NOW + 3 * MINUTE, until=NOW + 5 * MINUTE), "43"),
    "returned": (Selection(returned=True), "7"),
    "not returned": (Selection(returned=False), "654321"),
    "mailbox and state": (standing(LetterState.DISCARDED, mailbox="H26"), "6"),
    "mailbox and code": (Selection(mailbox=MailboxName("H26"), code=DOWN), "62"),
    "mailbox and class": (
        Selection(mailbox=MailboxName("H24"), failure_class=FailureClass.SECURITY),
        "3",
    ),
    "mailbox and sender": (Selection(mailbox=MailboxName("H26"), sender="G01"), "4"),
    "code and sender": (Selection(code=REFUSED, sender="G01"), "1"),
    "code and window": (Selection(code=DOWN, since=NOW + 3 * MINUTE), "765"),
    "sender and state": (standing(LetterState.PARKED, sender="G22"), "7"),
    "fingerprint and state": (standing(LetterState.WAITING, fingerprint=FORGED_FOR_H26), ""),
    "state and window": (standing(LetterState.WAITING, until=NOW + 5 * MINUTE), "2"),
    "number and mailbox": (Selection(number="3/UBND-VP", mailbox=MailboxName("H26")), ""),
    "sender and returned": (Selection(sender="G22", returned=False), "6532"),
    "an unknown mailbox": (Selection(mailbox=MailboxName("G99")), ""),
}


@pytest.mark.parametrize("name", SELECTIONS)
async def test_a_selection_means_the_letters_for_which_everything_holds(
    letters: DeadLetters, name: str
) -> None:
    await a_mixed_lot(letters)
    selection, expected = SELECTIONS[name]

    assert ids(await letters.find(selection, limit=10)) == named(*expected)
    assert ids(await letters.find(selection, sort=Sort.OLDEST, limit=10)) == named(*expected[::-1])
    most = sorted(expected, key=lambda each: each != "7")
    assert ids(await letters.find(selection, sort=Sort.ATTEMPTS, limit=10)) == named(*most)
    assert await letters.count(selection) == len(expected)
    groups = await letters.groups(selection, now=LATER)
    assert sum(sum(group.counts.values()) for group in groups) == len(expected)


@pytest.mark.parametrize("sort", Sort)
async def test_pages_follow_each_other_without_gap_or_overlap(
    letters: DeadLetters, sort: Sort
) -> None:
    for number in range(23):
        state = park if number % 3 else retry_at(LATER)
        await record(letters, str(number), at=NOW + number // 5 * MINUTE, decide=state)
        if number % 4 == 0:
            await record(letters, str(number), 2, at=NOW + number // 5 * MINUTE, decide=state)
    whole = ids(await letters.find(Selection(), sort=sort, limit=100))

    pages = [
        ids(await letters.find(Selection(), sort=sort, limit=5, offset=offset))
        for offset in range(0, 30, 5)
    ]

    assert [each for page in pages for each in page] == whole
    assert len(set(whole)) == 23


async def test_most_attempts_come_first_and_among_equals_the_newest(letters: DeadLetters) -> None:
    await record_each(letters, "a", "b", "c")
    await record(letters, "b", 2, at=NOW + MINUTE)

    found = await letters.find(Selection(), sort=Sort.ATTEMPTS, limit=10)

    assert ids(found) == named("b", "c", "a")


async def test_many_ids_may_be_meant_at_once(letters: DeadLetters) -> None:
    names = [str(number) for number in range(1_500)]
    await asyncio.gather(*(record(letters, name) for name in names))

    assert await letters.count(those(*names)) == 1_500
    order = await letters.place(an_order(selection=those(*names)), order_id=ONE, now=NOW)
    await letters.replayed(ONE, named(*names), now=NOW)
    assert (order.total, (await letters.order(ONE)).done) == (1_500, 1_500)


# --- one letter ---------------------------------------------------------------------------------


async def test_a_letter_is_found_by_the_first_digits_of_its_id(letters: DeadLetters) -> None:
    letter = await record(letters)

    assert await letters.letter(letter.id[:6]) == letter
    assert await letters.letter(letter.id[:6].upper()) == letter


async def test_digits_that_several_letters_begin_with_are_ambiguous(letters: DeadLetters) -> None:
    await asyncio.gather(*(record(letters, str(number)) for number in range(17)))
    firsts = [id_of(str(number))[0] for number in range(17)]
    shared = next(first for first in firsts if firsts.count(first) > 1)

    assert await refusal(letters.letter(shared)) == "E_LETTER_AMBIGUOUS"


@pytest.mark.parametrize("wanted", ["", "%", "_", "zz", "é", "\0", "0" * 33])
async def test_what_no_id_begins_with_is_an_unknown_letter(
    letters: DeadLetters, wanted: str
) -> None:
    await record(letters)

    assert await refusal(letters.letter(wanted)) == "E_LETTER_UNKNOWN"


async def test_an_unknown_letter_has_neither_history_nor_message(letters: DeadLetters) -> None:
    assert await refusal(letters.history(id_of("unknown"))) == "E_LETTER_UNKNOWN"
    assert await refusal(letters.message(id_of("unknown"))) == "E_LETTER_UNKNOWN"


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
