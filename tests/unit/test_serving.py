"""Workers share mailboxes through their leases alone: no mailbox is served by two of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from pathlib import Path

import pytest

from bus.core.events import Event
from bus.core.placement import Renewal, WorkerName
from bus.home.slots import await_free_slots, worker_slot, workers_of
from bus.ports.leases import Leases
from bus.services.serving import Serving
from bus.store.sql import Store, open_store
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import foreign
from tests.support.expiry import let_expire

SERVED = tuple(MailboxName(f"H{n:02}") for n in range(8))
ONE, TWO, THREE = (WorkerName(f"home{n}/1") for n in (1, 2, 3))


class Away:
    """The leases of a worker that was cut off."""

    async def renew(self, *_: object, **__: object) -> Renewal:
        raise AxisError.of("E_STORE_AWAY", cause=foreign("cut off"))

    async def leave(self, *_: object) -> None:
        raise AxisError.of("E_STORE_AWAY", cause=foreign("cut off"))

    async def serving(self) -> dict[WorkerName, int]:
        raise AxisError.of("E_STORE_AWAY", cause=foreign("cut off"))


class Axis:
    """Which worker serves which mailbox, as the adapters of all workers see it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.by: dict[MailboxName, WorkerName] = {}
        self.changed = asyncio.Condition()
        self.workers: list[OneWorker] = []

    def worker(self, name: WorkerName) -> "OneWorker":
        self.workers.append(OneWorker(name, self))
        return self.workers[-1]

    async def until_shared(self, shares: dict[WorkerName, int]) -> None:
        """Wait until each of these workers serves so many mailboxes."""
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(
                lambda: shares == {name: self.share_of(name) for name in shares}
            )

    def share_of(self, worker: WorkerName) -> int:
        return list(self.by.values()).count(worker)


class OneWorker:
    """A worker whose adapters only say what they serve."""

    def __init__(self, name: WorkerName, axis: Axis) -> None:
        self.name, self.axis = name, axis
        self.ending: set[MailboxName] = set()
        self.told_to_stop = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.fails: list[Exception] = []
        self.events: list[Event] = []
        self.stopping = asyncio.Event()
        leases: Leases = axis.store.leases
        self.serving = Serving(
            worker=name,
            leases=leases,
            adapters=self,
            serves=lambda: SERVED,
            siblings=(),
            observe=self.events.append,
            jitter=lambda: 0.0,
            stop=self.stopping,
            renew_every=timedelta(milliseconds=20),
        )
        self.task = asyncio.create_task(self.serving.run())

    async def start(self, mailboxes: Collection[MailboxName]) -> None:
        if self.fails:
            raise self.fails.pop()
        async with self.axis.changed:
            assert not self.axis.by.keys() & set(mailboxes)
            self.axis.by |= dict.fromkeys(mailboxes, self.name)
            self.axis.changed.notify_all()

    def stop_serving(self, mailboxes: Collection[MailboxName]) -> None:
        self.ending |= set(mailboxes)
        if self.ending:
            self.told_to_stop.set()

    async def ended(self, mailboxes: Collection[MailboxName]) -> None:
        await self.may_end.wait()
        async with self.axis.changed:
            for mailbox in set(mailboxes) & self.ending:
                if self.axis.by.get(mailbox) == self.name:
                    del self.axis.by[mailbox]
            self.ending -= set(mailboxes)
            self.axis.changed.notify_all()

    async def die(self) -> None:
        """As a process that is killed: it gives nothing back."""
        self.serving.leases = Away()
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture
async def axis(tmp_path: Path) -> AsyncIterator[Axis]:
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        axis = Axis(store)
        yield axis
        for worker in axis.workers:
            worker.may_end.set()
            worker.stopping.set()
        await asyncio.gather(*(worker.task for worker in axis.workers), return_exceptions=True)


async def test_a_worker_alone_serves_every_mailbox(axis: Axis) -> None:
    worker = axis.worker(ONE)

    await axis.until_shared({ONE: 8})
    assert worker.serving.settled.is_set()


async def test_workers_that_join_take_their_share(axis: Axis) -> None:
    axis.worker(ONE)
    await axis.until_shared({ONE: 8})

    axis.worker(TWO)
    await axis.until_shared({ONE: 4, TWO: 4})
    axis.worker(THREE)
    async with asyncio.timeout(20), axis.changed:
        await axis.changed.wait_for(
            lambda: sorted(map(axis.share_of, (ONE, TWO, THREE))) == [2, 3, 3]
        )


async def test_a_mailbox_moves_only_when_its_adapter_has_ended(axis: Axis) -> None:
    one = axis.worker(ONE)
    await axis.until_shared({ONE: 8})
    one.may_end.clear()

    two = axis.worker(TWO)
    await two.serving.settled.wait()
    assert axis.share_of(TWO) == 0

    one.may_end.set()
    await axis.until_shared({ONE: 4, TWO: 4})


async def test_when_a_worker_dies_another_takes_over(axis: Axis) -> None:
    one = axis.worker(ONE)
    axis.worker(TWO)
    await axis.until_shared({ONE: 4, TWO: 4})

    await one.die()
    await let_expire(axis.store, ONE)

    await axis.until_shared({TWO: 8})


async def test_a_worker_that_stops_gives_everything_back(axis: Axis) -> None:
    one = axis.worker(ONE)
    axis.worker(TWO)
    await axis.until_shared({ONE: 4, TWO: 4})

    one.stopping.set()
    await one.task

    await axis.until_shared({TWO: 8})


async def test_while_the_store_is_away_a_worker_goes_on_and_finds_out_what_it_lost(
    axis: Axis,
) -> None:
    one = axis.worker(ONE)
    await axis.until_shared({ONE: 8})
    leases, one.serving.leases = one.serving.leases, Away()
    await let_expire(axis.store, ONE)
    taken = (await axis.store.leases.renew(TWO, serves=SERVED, holding=())).taken
    assert axis.share_of(ONE) == 8

    one.serving.leases = leases
    one.serving.look_again()

    assert taken == set(SERVED)
    async with asyncio.timeout(20):
        await one.told_to_stop.wait()
    assert one.ending == taken


async def test_a_start_that_found_the_store_away_is_made_again(axis: Axis) -> None:
    one = axis.worker(ONE)
    one.fails.append(AxisError.of("E_STORE_AWAY", cause=foreign("away")))

    await axis.until_shared({ONE: 8})


async def test_an_error_of_an_adapter_ends_the_service_and_its_leases(axis: Axis) -> None:
    one = axis.worker(ONE)
    one.fails.append(KeyError("bug"))

    with pytest.raises(KeyError):
        await one.task

    axis.worker(TWO)
    await axis.until_shared({TWO: 8})


def test_each_worker_of_a_home_has_a_name_and_its_successor_has_the_same(tmp_path: Path) -> None:
    with worker_slot(tmp_path) as first:
        with worker_slot(tmp_path) as second:
            assert workers_of(tmp_path, workers=2) == (first.name, second.name)
        with worker_slot(tmp_path) as successor:
            assert successor.name == second.name != first.name


def test_workers_of_two_homes_have_different_names(tmp_path: Path) -> None:
    with worker_slot(tmp_path / "a") as one, worker_slot(tmp_path / "b") as two:
        assert one.name != two.name


def test_a_worker_learns_that_the_one_before_it_was_killed(tmp_path: Path) -> None:
    with worker_slot(tmp_path) as first:
        assert not first.after_crash
    with worker_slot(tmp_path) as second:
        assert not second.after_crash
    (tmp_path / "1.lock").write_text("4711")
    with worker_slot(tmp_path) as third:
        assert third.after_crash


def test_workers_of_an_earlier_axis_are_waited_for_and_named(tmp_path: Path) -> None:
    assert await_free_slots(tmp_path, timedelta(0)) is None
    with worker_slot(tmp_path):
        assert await_free_slots(tmp_path, timedelta(0)) == os.getpid()
    assert await_free_slots(tmp_path, timedelta(0)) is None
