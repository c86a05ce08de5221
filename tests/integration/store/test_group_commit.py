"""What callers may rely on although their operations share transactions."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from bus.core.record import DocumentRecord
from bus.ports import Standing
from bus.store.sql import open_store
from schemas.identifiers import AgencyCode, EnvelopeId
from schemas.problem import AxisError
from tests.integration.store.claims import NOW, claim_of
from tests.integration.store.databases import DATABASES, empty_database

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


async def test_a_moment_without_a_zone_is_a_mistake_of_the_program(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        naive = replace(RECORD, recorded_at=NOW.replace(tzinfo=None))

        with pytest.raises(Exception, match="time zone"):
            await store.records.record(naive)
