"""A database that is locked, taken away or restarted under traffic."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bus.core.events import WorkStalled
from tests.faults.axis import Site, agencies_at, eventually, failures_of, found_site
from tests.integration.store.databases import (
    INSTALLED_POSTGRES,
    empty_database,
    private_postgres,
)
from tests.support.agencies import Agencies
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.rabbit_bus import VirtualHost

LETTERS = 24
FAULTS = ["locked", "taken away", *(["restarted"] if INSTALLED_POSTGRES else [])]


@asynccontextmanager
async def locked(site: Site) -> AsyncIterator[None]:
    """Another process writes, and does not come to an end."""
    other = sqlite3.connect(site.home / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.close()


@asynccontextmanager
async def taken_away(site: Site) -> AsyncIterator[None]:
    """The disk under the database is not mounted."""
    elsewhere = site.home / "elsewhere"
    elsewhere.mkdir()
    for part in site.home.glob("store.db*"):
        part.rename(elsewhere / part.name)
    yield
    for part in elsewhere.iterdir():
        part.rename(site.home / part.name)


@asynccontextmanager
async def restarted(_: Site) -> AsyncIterator[None]:
    """The server is stopped, every connection cut, and started again."""
    await asyncio.to_thread(private_postgres().stop)
    yield
    await asyncio.to_thread(private_postgres().start)


WAYS = {"locked": locked, "taken away": taken_away, "restarted": restarted}


def stalled(agencies: Agencies, code: str) -> int:
    """How often work waited for the store."""
    return sum(1 for e in agencies.of_type(WorkStalled) if e.problem.code == code)


@pytest.mark.parametrize("fault", FAULTS)
async def test_while_the_database_is_away_nothing_is_acknowledged_and_then_it_goes_on(
    vhost: VirtualHost, tmp_path: Path, fault: str
) -> None:
    """Bad day 13: nothing is lost, nothing handed over twice, nobody has to help."""
    kind = "postgresql" if fault == "restarted" else "sqlite"
    async with empty_database(kind, tmp_path) as url:
        impatient = f"{url}?timeout=0.2" if kind == "sqlite" else url
        site = await found_site(vhost, tmp_path, database_url=impatient)
        folders = site.folders
        async with agencies_at(site) as agencies, failures_of(site) as failures:
            async with agencies.at_work():
                for number in range(LETTERS):
                    folders.drop(SENDER, f"{number:02}.edxml", site.letter(str(number)))
                await eventually(lambda: len(folders.documents(RECIPIENT)) >= 3)
                async with WAYS[fault](site):
                    before = stalled(agencies, "E_STORE_AWAY")
                    await eventually(lambda: stalled(agencies, "E_STORE_AWAY") >= before + 5)
                    unanswered = LETTERS - len(folders.statuses(SENDER))
                await eventually(lambda: len(folders.statuses(SENDER)) == LETTERS)

    assert unanswered > 0
    assert sorted(folders.numbers(RECIPIENT), key=int) == [str(n) for n in range(LETTERS)]
    assert len(folders.sent(SENDER)) == LETTERS
    assert failures.messages == []
