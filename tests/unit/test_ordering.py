"""Order is kept even when earlier work takes longer or gives up."""

import asyncio

from bus.services.ordering import Ordering, Ticket


async def _pass(ticket: Ticket, name: str, passed: list[str], ready: asyncio.Event) -> None:
    with ticket:
        await ready.wait()
        await ticket.turn()
        passed.append(name)


async def test_the_ticket_decides_the_order_and_not_who_is_ready_first() -> None:
    ordering, passed = Ordering(), list[str]()
    slow, quick = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(_pass(ordering.ticket(), "first", passed, slow))
    second = asyncio.create_task(_pass(ordering.ticket(), "second", passed, quick))

    quick.set()
    await asyncio.wait([second], timeout=0.05)
    slow.set()
    await asyncio.gather(first, second)

    assert passed == ["first", "second"]


async def test_who_gives_up_early_does_not_let_others_overtake_the_earlier_ones() -> None:
    ordering, passed = Ordering(), list[str]()
    slow, ready = asyncio.Event(), asyncio.Event()
    ready.set()
    first = asyncio.create_task(_pass(ordering.ticket(), "first", passed, slow))
    with ordering.ticket():
        pass
    third = asyncio.create_task(_pass(ordering.ticket(), "third", passed, ready))

    await asyncio.wait([third], timeout=0.05)
    slow.set()
    await asyncio.gather(first, third)

    assert passed == ["first", "third"]


async def test_who_has_left_before_the_turn_holds_nobody_up_and_waits_no_more() -> None:
    line = Ordering()
    first, second, third = line.ticket(), line.ticket(), line.ticket()

    second.leave()
    second.leave()
    await second.turn()
    waiting = asyncio.create_task(third.turn())
    await asyncio.sleep(0)
    held_up = not waiting.done()
    first.leave()
    await waiting

    assert held_up
