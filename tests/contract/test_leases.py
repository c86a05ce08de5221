"""Leases of mailboxes: one worker a mailbox, whatever happens, on SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.core.placement import WorkerName
from bus.ports.leases import Leases
from bus.store.sql import Store, open_store
from schemas.identifiers import MailboxName
from tests.integration.store.databases import DATABASES, empty_database
from tests.support.expiry import let_expire

ONE, TWO, THREE = (WorkerName(f"home{n}/1") for n in (1, 2, 3))
SERVED = tuple(MailboxName(f"H{n:02}") for n in range(12))


@pytest.fixture(params=DATABASES)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with open_store(url) as store:
        yield store


async def take(leases: Leases, worker: WorkerName) -> frozenset[MailboxName]:
    return (await leases.renew(worker, serves=SERVED, holding=())).taken


async def test_the_first_worker_takes_every_mailbox(store: Store) -> None:
    assert await take(store.leases, ONE) == set(SERVED)


async def test_workers_that_ask_at_the_same_time_never_share_a_mailbox(url: str) -> None:
    async with open_store(url) as first, open_store(url) as second, open_store(url) as third:
        taken = await asyncio.gather(
            take(first.leases, ONE), take(second.leases, TWO), take(third.leases, THREE)
        )

    assert sum(map(len, taken)) == len(frozenset().union(*taken)) == len(SERVED)


async def test_a_worker_that_joins_gets_its_share_once_it_is_given_back(store: Store) -> None:
    held = await take(store.leases, ONE)
    assert await take(store.leases, TWO) == frozenset()

    told = await store.leases.renew(ONE, serves=SERVED, holding=held)
    assert len(told.moving) == len(SERVED) // 2
    assert await take(store.leases, TWO) == frozenset()

    await store.leases.renew(ONE, serves=SERVED, holding=held - told.moving)
    assert await take(store.leases, TWO) == told.moving


async def test_the_leases_of_a_worker_that_died_are_taken_when_they_expire(store: Store) -> None:
    held = await take(store.leases, ONE)
    await take(store.leases, TWO)

    await let_expire(store, ONE)

    assert await take(store.leases, TWO) == held
    assert (await store.leases.renew(ONE, serves=SERVED, holding=held)).lost == held


async def test_a_worker_that_leaves_is_replaced_at_once(store: Store) -> None:
    held = await take(store.leases, ONE)

    await store.leases.leave(ONE)

    assert await take(store.leases, TWO) == held


async def test_a_successor_of_the_same_name_has_the_leases_at_once(store: Store) -> None:
    held = await take(store.leases, ONE)

    assert await take(store.leases, ONE) == held


async def test_a_late_renewal_keeps_what_nobody_took(store: Store) -> None:
    held = await take(store.leases, ONE)
    await let_expire(store, ONE)

    told = await store.leases.renew(ONE, serves=SERVED, holding=held)

    assert not told.lost
    assert not told.moving
