"""What callers may rely on although their operations share transactions."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Integer, bindparam, cast, select

from bus.core.duplicates import Standing
from bus.core.record import DocumentRecord
from bus.store.batch import GroupCommit
from bus.store.database import connect
from bus.store.sql import open_store
from schemas.identifiers import AgencyCode, EnvelopeId
from schemas.problem import AxisError
from tests.integration.store.claims import NOW, claim_of
from tests.integration.store.databases import DATABASES, empty_database

Answer = TypeVar("Answer")

RECORD = DocumentRecord(
    envelope_id=EnvelopeId("e"),
    identity="i",
    sender=AgencyCode("G22"),
    recipients=(AgencyCode("H24"),),
    document_id="d",
    full_number=None,
    year=None,
    recorded_at=NOW,
)


async def test_an_answer_comes_after_the_commit(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}") as store:
        await store.inbox.claim(claim_of("d"), now=NOW)

        rows = sqlite3.connect(file).execute("SELECT standing FROM deliveries").fetchall()

    assert rows == [("in_progress",)]


async def test_a_caller_who_gives_up_before_the_turn_came_has_claimed_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}") as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.create_task(store.inbox.claim(claim_of("first"), now=NOW))
        await asyncio.sleep(0)
        second = asyncio.create_task(store.inbox.claim(claim_of("second"), now=NOW))
        await asyncio.sleep(0)

        second.cancel()
        other.close()

        assert (await first).standing is Standing.FRESH
        answer = await store.inbox.claim(claim_of("second"), now=NOW)
        assert answer.standing is Standing.FRESH


async def test_a_caller_who_gives_up_too_late_harms_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}") as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        together = [
            asyncio.create_task(store.inbox.claim(claim_of(name), now=NOW)) for name in "ab"
        ]
        # Both are in one batch, which waits for the lock.
        await asyncio.wait(together, timeout=0.1)

        together[0].cancel()
        other.close()

        assert (await together[1]).standing is Standing.FRESH


async def test_closing_waits_for_what_was_asked_for(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        claims = [
            asyncio.create_task(store.inbox.claim(claim_of(f"d{n}"), now=NOW)) for n in range(700)
        ]
        await asyncio.sleep(0)

    assert {(await claim).standing for claim in claims} == {Standing.FRESH}


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_value_that_no_database_can_hold_fails_alone(kind: str, tmp_path: Path) -> None:
    lone_surrogate = replace(RECORD, envelope_id=EnvelopeId("bad"), document_id="\ud800")
    neighbours = [replace(RECORD, envelope_id=EnvelopeId(f"e{n}")) for n in range(20)]

    async with empty_database(kind, tmp_path) as url, open_store(url) as store:
        answers = await asyncio.gather(
            *map(store.records.record, [*neighbours, lone_surrogate]), return_exceptions=True
        )

        assert answers[:-1] == [None] * 20
        assert isinstance(answers[-1], Exception)
        assert not isinstance(answers[-1], AxisError)
        assert len(await store.records.find(document_id="d")) == 20


VALUES = {
    "a lone surrogate": "\ud800",
    "a NUL": "a\0b",
    "more than 64 bits": 2**70,
    "more than 32 bits": 2**40,
    "an object": object(),
    "infinity": float("inf"),
}


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_what_a_value_is_refused_for_is_never_told_as_the_store_being_away(
    kind: str, value: object, tmp_path: Path
) -> None:
    """Who hears that would try for ever."""

    def work(connection: Connection) -> None:
        wide = cast(bindparam("value", value, type_=None), Integer)
        connection.execute(select(wide))

    async with empty_database(kind, tmp_path) as url:
        database = connect(url)
        try:
            await database.write(work)
        except AxisError as error:
            pytest.fail(str(error))
        except Exception:  # noqa: BLE001, S110 (whichever: it is not the store that is away)
            pass
        finally:
            await database.aclose()


@pytest.mark.parametrize("kind", DATABASES)
async def test_one_wrong_operation_of_many_costs_few_transactions(
    kind: str, tmp_path: Path
) -> None:
    async with empty_database(kind, tmp_path) as url:
        database, transactions = connect(url), 0

        async def transact(work: Callable[[Connection], Answer]) -> Answer:
            nonlocal transactions
            transactions += 1
            return await database.write(work)

        def operate(_: Connection, numbers: Sequence[int]) -> Sequence[int]:
            if 77 in numbers:
                raise KeyError(77)
            return numbers

        group = GroupCommit(transact)
        answers = await asyncio.gather(
            *(group.submit(operate, n) for n in range(500)), return_exceptions=True
        )
        await group.aclose()
        await database.aclose()

    assert isinstance(answers.pop(77), KeyError)
    assert answers == [n for n in range(500) if n != 77]
    assert transactions <= 20


async def test_a_moment_without_a_zone_is_a_mistake_of_the_program(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        naive = replace(RECORD, recorded_at=NOW.replace(tzinfo=None))

        with pytest.raises(Exception, match="time zone"):
            await store.records.record(naive)
