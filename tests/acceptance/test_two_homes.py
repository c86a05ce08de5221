"""Workers of several homes with one database share the mailboxes, and replace each other."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus.bootstrap.broker import located_broker, provision, topology_of, url_of
from bus.bootstrap.directory import directory_of
from bus.bootstrap.own_keys import ensure_keys
from bus.core.logins import WORKER_ACCOUNT
from bus.core.placement import WorkerName
from bus.core.routing import Routing
from bus.home.layout import Home
from bus.rabbit.node import PrivateNode
from bus.settings import load_settings
from bus.store.sql import Store, open_store
from schemas.directory import Agency, Directory
from schemas.identifiers import AgencyCode
from tests.acceptance.packets import a_packet
from tests.integration.store.databases import DATABASES, empty_database
from tests.support.mortal import host_on

CODES = ("G22", "H24", "H41", "H57")
RECEIVERS = CODES[1:]
TAKEN_OVER_SECONDS = 10.0
_LOOK_SECONDS = 0.05


@dataclass
class Site:
    """Homes that share a database, a broker, the agencies' folders and the attachments."""

    first: Path
    environment: Mapping[str, str]
    worker_url: str
    store: Store
    log: Path

    def start(self, home: Path) -> subprocess.Popen[bytes]:
        """Start `lienthong worker` in a home."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "bus.cli", "worker", "--home", str(home)],
                env={**os.environ, **self.environment, "LIENTHONG_AMQP_URL": self.worker_url},
                stdout=log,
                stderr=log,
            )

    def another_home(self, name: str) -> Path:
        """A home on another machine: the same keys; everything else comes from the register."""
        home = self.first.with_name(name)
        home.mkdir()
        for part in ("keys/agencies", "keys/authorities", "keys/directory"):
            shutil.copytree(self.first / part, home / part)
        (home / "agencies").symlink_to(self.first / "agencies")
        return home

    async def until_served(self, *shares: int) -> Mapping[WorkerName, int]:
        """Wait until the live workers serve so many mailboxes."""
        async with asyncio.timeout(90):
            while True:
                live = await self.store.leases.serving()
                if sorted(live.values()) == sorted(shares):
                    return live
                await asyncio.sleep(_LOOK_SECONDS)


@pytest.fixture(params=DATABASES)
async def site(
    request: pytest.FixtureRequest, mortal: PrivateNode, tmp_path: Path
) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(empty_database(request.param, tmp_path))
        host = await stack.enter_async_context(host_on(mortal))
        first = tmp_path / "first"
        settings = load_settings(
            home=first, amqp_url=host.amqp_url, management_url=mortal.management_url
        )
        agencies = tuple(
            Agency(code=AgencyCode(code), name_vi=f"Cơ quan {code}", connected=True)
            for code in CODES
        )
        file = directory_of(settings)
        file.save(Directory(agencies=agencies))
        routing = Routing(file.load())
        ensure_keys(settings, Home(first), routing, routing.mailboxes)
        async with located_broker(settings) as address:
            await provision(settings, address, topology_of(settings, routing))
            worker_url = url_of(settings, address, WORKER_ACCOUNT)
        store = await stack.enter_async_context(open_store(url))
        yield Site(
            first=first,
            environment={
                "LIENTHONG_DATABASE_URL": url.replace("+asyncpg", ""),
                "LIENTHONG_ATTACHMENTS": str(tmp_path / "attachments"),
                "LIENTHONG_LOG_STYLE": "json",
            },
            worker_url=worker_url,
            store=store,
            log=tmp_path / "workers.log",
        )


@dataclass
class Traffic:
    """Documents from G22 to the three others."""

    agencies: Path
    dropped: int = 0

    def drop(self, count: int) -> None:
        for number in range(self.dropped, self.dropped + count):
            packet = a_packet(
                sender="G22",
                receivers=list(RECEIVERS),
                number=f"{number}",
                files={"a.txt": b"x" * 10_000},
            )
            hidden = self.agencies / "G22" / f".{number}"
            hidden.write_bytes(packet)
            hidden.rename(self.agencies / "G22/outbox" / f"{number:04}.edxml")
        self.dropped += count

    def arrived(self, code: str) -> list[str]:
        """The numbers in the order in which they were handed over."""
        found = list((self.agencies / code / "inbox/documents").glob("*.edxml"))
        found.sort(key=lambda path: path.stat().st_mtime_ns)
        return [path.name.split("_")[1].split("-")[0] for path in found]

    async def until_done(self) -> None:
        statuses = self.agencies / "G22/inbox/statuses"
        async with asyncio.timeout(120):
            while len(list(statuses.iterdir())) < self.dropped * len(RECEIVERS):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)

    def must_be_exact(self) -> None:
        """Nothing lost, nothing twice, in order, everything answered once."""
        for code in RECEIVERS:
            assert self.arrived(code) == [str(number) for number in range(self.dropped)]
        assert len(list((self.agencies / "G22/sent").iterdir())) == self.dropped
        answered = list((self.agencies / "G22/inbox/statuses").iterdir())
        assert len(answered) == self.dropped * len(RECEIVERS)


@asynccontextmanager
async def ended(*running: subprocess.Popen[bytes]) -> AsyncIterator[None]:
    """End what still runs at the exit."""
    try:
        yield
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            await asyncio.to_thread(process.wait, 60)


async def test_a_worker_that_is_killed_is_replaced_by_one_of_another_home(site: Site) -> None:
    one = site.start(site.first)
    await site.until_served(4)
    second = site.another_home("second")
    two = site.start(second)
    third = site.start(site.another_home("third"))
    traffic = Traffic(site.first / "agencies")
    async with ended(two, third):
        await site.until_served(1, 1, 2)
        traffic.drop(40)
        await asyncio.to_thread(_until_some_arrived, traffic)

        one.kill()
        killed = time.monotonic()
        await site.until_served(2, 2)
        took = time.monotonic() - killed
        sys.stdout.write(f"taken over {took:.1f} s after the kill\n")

        traffic.drop(20)
        again = site.start(site.first)
        async with ended(again):
            await site.until_served(1, 1, 2)
            await traffic.until_done()
    await asyncio.to_thread(one.wait)
    traffic.must_be_exact()
    assert took < TAKEN_OVER_SECONDS
    assert (second / "directory.json").read_bytes() == (site.first / "directory.json").read_bytes()


def _until_some_arrived(traffic: Traffic) -> None:
    deadline = time.monotonic() + 60
    while not traffic.arrived("H24"):
        assert time.monotonic() < deadline
        time.sleep(_LOOK_SECONDS)
