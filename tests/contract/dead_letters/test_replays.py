"""A replay freezes its letters, and each is delivered again once."""

import asyncio

from bus.core.dead_letters.letter import (
    Happening,
    HistoryEntry,
    LetterState,
    OrderId,
)
from bus.core.dead_letters.order import Action, Order, OrderState
from bus.core.dead_letters.selection import Selection
from bus.ports import DeadLetters
from tests.support.letters import (
    NOW,
    REFUSED,
    a_delivery,
    an_order,
    as_shipped,
    id_of,
    quarantine,
    retry_at,
    standing,
    those,
)
from tests.support.recorded_letters import (
    LATER,
    ONE,
    THREE,
    TWO,
    history_of,
    ids,
    named,
    record,
    record_each,
    replay,
)


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
