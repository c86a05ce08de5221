"""Dead letters recorded in a store, and what became of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from bus.core.dead_letters.letter import (
    DeadLetter,
    Decide,
    Happening,
    LetterId,
    LetterState,
    OrderId,
)
from bus.core.dead_letters.order import Order
from bus.ports import DeadLetters, StoredLetter
from schemas.problem import ConfigurationError
from tests.support.letters import (
    MINUTE,
    NOW,
    an_attempt,
    an_order,
    id_of,
    park,
    those,
)

LATER = NOW + timedelta(hours=1)
ONE, TWO, THREE = OrderId("order-1"), OrderId("order-2"), OrderId("order-3")


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
