"""What the store does when its database is locked, gone, replaced, full or restarted."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from bus.core.duplicates import Standing
from bus.ports import Inbox
from bus.store.sql import open_store
from schemas.problem import TransportError
from tests.integration.store.claims import NOW, claim_of
from tests.integration.store.databases import (
    INSTALLED_POSTGRES,
    empty_database,
    private_postgres,
)


def move(folder: Path, to: Path) -> None:
    """Take the database with its log away, as an unmounted disk would."""
    for part in folder.glob("store.db*"):
        part.rename(to / part.name)


async def refusal(work: Awaitable[object]) -> str:
    with pytest.raises(TransportError) as refused:
        await work
    return refused.value.problem.code


async def eventually_fresh(inbox: Inbox, name: str) -> None:
    """The store answers again, within ten seconds and without being told."""
    deadline = time.monotonic() + 10
    while True:
        try:
            answer = await inbox.claim(claim_of(name), now=NOW)
        except TransportError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        else:
            assert answer.standing is Standing.FRESH
            return


async def test_a_database_locked_for_too_long_is_away_and_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}?timeout=0.1") as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        answers = await asyncio.gather(
            *(refusal(store.inbox.claim(claim_of(f"d{n}"), now=NOW)) for n in range(20))
        )

        assert set(answers) == {"E_STORE_AWAY"}
        assert await store.records.find(document_id="") == ()
        assert await refusal(store.prove_writable()) == "E_STORE_AWAY"
        other.close()
        await eventually_fresh(store.inbox, "d0")
        await store.prove_writable()


async def test_a_short_lock_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}") as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        claiming = asyncio.create_task(store.inbox.claim(claim_of("d"), now=NOW))
        done, _ = await asyncio.wait({claiming}, timeout=0.2)

        other.close()

        assert not done
        assert (await claiming).standing is Standing.FRESH


async def test_a_file_that_was_taken_away_is_away_until_it_is_back(tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "store.db", tmp_path / "elsewhere"
    async with open_store(f"sqlite:///{file}") as store:
        await store.inbox.claim(claim_of("before"), now=NOW)
        elsewhere.mkdir()
        move(tmp_path, elsewhere)

        assert await refusal(store.inbox.claim(claim_of("d"), now=NOW)) == "E_STORE_AWAY"
        assert not file.exists()

        move(elsewhere, tmp_path)
        await eventually_fresh(store.inbox, "d")
        before = await store.inbox.claim(claim_of("before"), now=NOW)
        assert before.standing is Standing.IN_PROGRESS


async def test_an_empty_file_in_the_place_of_the_database_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}") as store:
        await store.inbox.claim(claim_of("before"), now=NOW)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        move(tmp_path, elsewhere)
        file.touch()

        assert await refusal(store.inbox.claim(claim_of("before"), now=NOW)) == "E_STORE_AWAY"


@contextmanager
def no_file_larger_than(pages: int) -> Iterator[None]:
    """Let SQLite find the disk full."""

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def lift(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1000000")

    event.listen(Pool, "checkout", limit)
    event.listen(Pool, "checkin", lift)
    try:
        yield
    finally:
        event.remove(Pool, "checkout", limit)
        event.remove(Pool, "checkin", lift)


async def test_a_full_disk_is_told_as_such_and_work_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        many = [claim_of(f"d{n}" * 50) for n in range(300)]

        with no_file_larger_than(pages=40):
            answers = await asyncio.gather(
                *(refusal(store.inbox.claim(claim, now=NOW)) for claim in many)
            )

        assert set(answers) == {"E_STORE_FULL"}
        await eventually_fresh(store.inbox, "d0" * 50)


if INSTALLED_POSTGRES:

    async def test_a_restarted_server_is_away_for_as_long_as_it_is_and_no_longer(
        tmp_path: Path,
    ) -> None:
        server = private_postgres()
        async with empty_database("postgresql", tmp_path) as url, open_store(url) as store:
            await store.inbox.claim(claim_of("before"), now=NOW)
            await asyncio.to_thread(server.stop)

            assert await refusal(store.inbox.claim(claim_of("d"), now=NOW)) == "E_STORE_AWAY"
            assert await refusal(store.records.find(document_id="1")) == "E_STORE_AWAY"

            await asyncio.to_thread(server.start)
            await eventually_fresh(store.inbox, "d")
            before = await store.inbox.claim(claim_of("before"), now=NOW)
            assert before.standing is Standing.IN_PROGRESS
