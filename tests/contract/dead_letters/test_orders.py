"""Discards, approvals, cancellations: what orders do besides replays."""

import asyncio

from bus.core.dead_letters.letter import (
    Happening,
    HistoryEntry,
    LetterState,
)
from bus.core.dead_letters.order import Action, Order, OrderState
from bus.ports import DeadLetters
from tests.support.letters import (
    MINUTE,
    NOW,
    a_delivery,
    an_order,
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
    refusal,
    replay,
    state_of,
)


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
