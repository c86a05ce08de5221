"""Dead letters in SQL: what they do in memory, whatever happens, in several processes at once."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from bus.core.dead_letters.letter import LetterState, OrderId
from bus.core.dead_letters.order import Action, OrderState
from bus.core.dead_letters.selection import Selection, Sort
from bus.ports import DeadLetters
from bus.store.database import connect
from bus.store.dead_letters.letters import SqlDeadLetters
from bus.store.dead_letters.moves import Kind
from bus.store.schema import causes, letters, tallies
from bus.store.sql import open_dead_letters, open_store
from schemas.problem import AxisError, TransportError
from tests.integration.store.databases import DATABASES, empty_database
from tests.support.letters import (
    DOWN,
    FORGED,
    MINUTE,
    NOW,
    REFUSED,
    an_attempt,
    an_order,
    as_shipped,
    id_of,
    park,
    quarantine,
    retry_at,
    standing,
)
from tests.support.letters_model import LettersModel

Step = Callable[[DeadLetters], Coroutine[Any, Any, object]]

NAMES = [f"letter {number}" for number in range(14)]
OPERATORS = ["an.nguyen", "binh.tran"]


@asynccontextmanager
async def two_stores(kind: str, folder: Path) -> AsyncIterator[tuple[SqlDeadLetters, ...]]:
    """One database as two processes have it open."""
    async with (
        empty_database(kind, folder) as url,
        open_dead_letters(url) as one,
        open_dead_letters(url) as other,
    ):
        yield one, other


class Story:
    """Steps by chance, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._attempts = dict.fromkeys(NAMES, 0)
        self._orders: list[OrderId] = []
        self._now = NOW

    def next(self) -> Step:
        self._now += self._chance.random() * 3 * MINUTE
        steps = (
            [self._record] * 8
            + [self._retry] * 2
            + [self._place] * 4
            + [self._replay] * 4
            + [self._approve, self._cancel]
        )
        return self._chance.choice(steps)(self._now)

    def _record(self, now: datetime) -> Step:
        name = self._chance.choice(NAMES)
        if self._chance.random() < 0.8:
            self._attempts[name] += 1
        # A twin of the last one, or, one time in a few, a late copy of an older one.
        number = max(1, self._attempts[name] - (self._chance.random() < 0.1))
        attempt = an_attempt(
            name,
            number,
            at=now - self._chance.random() * MINUTE,
            code=self._chance.choice([DOWN, REFUSED, FORGED]),
            mailbox=self._chance.choice(["H24", "H26"]),
        )
        decide = self._chance.choice(
            [park, quarantine, as_shipped, as_shipped, retry_at(now + MINUTE)]
        )
        return lambda store: store.record(attempt, decide, now=now)

    def _retry(self, now: datetime) -> Step:
        limit = self._chance.randint(1, 5)

        async def step(store: DeadLetters) -> object:
            found = await store.due(now=now, limit=limit)
            await store.retried([each.letter.id for each in found], now=now)
            return found

        return step

    def _place(self, now: datetime) -> Step:
        order_id = OrderId(f"order {len(self._orders)}")
        self._orders.append(order_id)
        selection = self._chance.choice(
            [
                Selection(),
                Selection(code=REFUSED),
                Selection(ids=tuple(map(id_of, self._chance.sample(NAMES, 6)))),
                standing(LetterState.PARKED, LetterState.QUARANTINED, mailbox="H24"),
                Selection(returned=True),
                Selection(since=now - 30 * MINUTE),
            ]
        )
        order = an_order(
            self._chance.choice([Action.REPLAY, Action.REPLAY, Action.DISCARD, Action.RESTORE]),
            selection=selection,
            operator=self._chance.choice(OPERATORS),
            limit=self._chance.choice([None, 2]),
            needs_approval=self._chance.random() < 0.3,
        )
        return lambda store: store.place(order, order_id=order_id, now=now)

    def _replay(self, now: datetime) -> Step:
        order_id, limit = self._any_order(), self._chance.randint(1, 4)

        async def step(store: DeadLetters) -> object:
            found = await store.next_of(order_id, limit=limit)
            await store.replayed(order_id, [each.letter.id for each in found], now=now)
            return found, await store.order(order_id)

        return step

    def _approve(self, now: datetime) -> Step:
        order_id, operator = self._any_order(), self._chance.choice(OPERATORS)
        return lambda store: store.approve(order_id, operator=operator, now=now)

    def _cancel(self, now: datetime) -> Step:
        order_id, operator = self._any_order(), self._chance.choice(OPERATORS)
        return lambda store: store.cancel(order_id, operator=operator, now=now)

    def _any_order(self) -> OrderId:
        return self._chance.choice(self._orders[-4:] or [OrderId("none")])


async def outcome(step: Step, store: DeadLetters) -> object:
    try:
        return await step(store)
    except AxisError as refusal:
        return refusal.problem


async def everything(store: DeadLetters) -> object:
    found = await store.find(Selection(), sort=Sort.OLDEST, limit=100)
    return (
        found,
        [await store.history(letter.id) for letter in found],
        await store.orders(),
        await store.groups(Selection(), now=NOW + timedelta(hours=2)),
        [await store.count(standing(state)) for state in LetterState],
    )


def counted_and_tallied(connection: Connection) -> tuple[set[Any], set[Any]]:
    kind = [letters.c[name] for name in Kind._fields]
    counted = connection.execute(select(*kind, func.count()).group_by(*kind))
    tallied = connection.execute(select(tallies).where(tallies.c.letters != 0))
    return set(map(tuple, counted)), set(map(tuple, tallied))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", DATABASES)
async def test_the_store_does_what_the_model_does_and_its_tallies_tell_what_counting_would(
    kind: str, seed: int, tmp_path: Path
) -> None:
    model, story = LettersModel(), Story(seed)
    async with empty_database(kind, tmp_path) as url, open_dead_letters(url) as store:
        for _ in range(250):
            step = story.next()
            assert await outcome(step, store) == await outcome(step, model)

        assert await everything(store) == await everything(model)
        database = connect(url)
        counted, tallied = await database.read(counted_and_tallied)
        await database.aclose()
        assert tallied == counted


@pytest.mark.parametrize("kind", DATABASES)
async def test_an_attempt_that_two_processes_record_is_counted_once(
    kind: str, tmp_path: Path
) -> None:
    attempts = [an_attempt(name, number) for name in NAMES for number in (1, 2, 3)]
    async with two_stores(kind, tmp_path) as (one, other):
        recorded = await asyncio.gather(
            *(store.record(each, park, now=NOW) for each in attempts for store in (one, other))
        )

        assert sum(each.fresh for each in recorded) == len(attempts)
        assert {letter.attempts for letter in await one.find(Selection(), limit=100)} == {3}


@pytest.mark.parametrize("kind", DATABASES)
async def test_orders_of_two_processes_share_no_letter_and_deal_with_each_once(
    kind: str, tmp_path: Path
) -> None:
    async with two_stores(kind, tmp_path) as stores:
        await asyncio.gather(
            *(stores[0].record(an_attempt(str(n)), park, now=NOW) for n in range(200))
        )

        async def replay(number: int) -> int:
            store, order_id = stores[number % 2], OrderId(f"order {number}")
            await store.place(an_order(limit=60), order_id=order_id, now=NOW)
            while found := await store.next_of(order_id, limit=7):
                ids = [each.letter.id for each in found]
                await asyncio.gather(*(s.replayed(order_id, ids, now=NOW) for s in stores))
            return (await store.order(order_id)).done

        done = await asyncio.gather(*map(replay, range(4)))

        assert sum(done) == 200
        found = await stores[1].find(Selection(), limit=300)
        assert {(letter.state, letter.replays) for letter in found} == {
            (LetterState.REDELIVERED, 1)
        }


@pytest.mark.parametrize("kind", DATABASES)
async def test_of_an_approval_and_a_cancelling_in_two_processes_one_counts(
    kind: str, tmp_path: Path
) -> None:
    async with two_stores(kind, tmp_path) as (one, other):
        for number in range(10):
            await one.record(an_attempt(str(number)), park, now=NOW)
            order_id = OrderId(f"order {number}")
            order = an_order(Action.DISCARD, reason="old", needs_approval=True)
            await one.place(order, order_id=order_id, now=NOW)

            await asyncio.gather(
                one.approve(order_id, operator="binh.tran", now=NOW),
                other.cancel(order_id, operator="binh.tran", now=NOW),
                return_exceptions=True,
            )

            state = (await other.order(order_id)).state
            letter = await other.letter(id_of(str(number)))
            assert (state, letter.state) in {
                (OrderState.DONE, LetterState.DISCARDED),
                (OrderState.CANCELLED, LetterState.PARKED),
            }


@pytest.mark.parametrize("kind", DATABASES)
async def test_causes_are_numbered_once(kind: str, tmp_path: Path) -> None:
    async with empty_database(kind, tmp_path) as url:
        async with open_dead_letters(url) as store:
            for code in (DOWN, REFUSED, DOWN):
                for number in range(3):
                    attempt = an_attempt(f"{code} {number}", code=code)
                    await store.record(attempt, park, now=NOW)
        database = connect(url)
        numbered = await database.read(
            lambda connection: connection.scalar(select(func.count()).select_from(causes))
        )
        await database.aclose()

    assert numbered == 2


async def test_dead_letters_may_live_beside_the_inbox_or_in_a_file_of_their_own(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    async with open_store(url), open_dead_letters(url) as store:
        await store.record(an_attempt(), park, now=NOW)

    async with open_dead_letters(url) as store:
        assert await store.count(Selection()) == 1


async def test_a_locked_database_is_away_and_nothing_is_half_done(tmp_path: Path) -> None:
    file = tmp_path / "failures.db"
    async with open_dead_letters(f"sqlite:///{file}?timeout=0.1") as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(TransportError) as refusal:
            await store.record(an_attempt(), park, now=NOW)

        assert refusal.value.problem.code == "E_STORE_AWAY"
        other.close()
        assert (await store.record(an_attempt(), park, now=NOW)).fresh
