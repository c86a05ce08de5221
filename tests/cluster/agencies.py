"""Agencies of a cluster test: they exchange documents without a pause, and count what came of it.

The axis is the real one, with its SQL store in a folder; only the agencies' systems are ours.
"""

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aio_pika
import httpx

from bus.bootstrap.axis import open_axis
from bus.bootstrap.dead_letter_store import reached_letters
from bus.bootstrap.directory import directory_of
from bus.core.dead_letters.letter import LetterState
from bus.core.dead_letters.selection import Selection
from bus.core.topology import FAILURES, queues_of
from bus.home.layout import Home
from bus.rabbit.addresses import addresses_in
from bus.settings import Settings
from schemas.directory import Agency, Directory
from schemas.identifiers import AgencyCode, MailboxName
from tests.acceptance.packets import a_packet
from tests.cluster.reconciliation import Delivery, Reconciliation

CODES = ("G98", "H98", "H97")
PUBLISH_DEADLINE = timedelta(seconds=5)
_PACE_SECONDS = 0.1
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0
_PARKED = tuple(state for state in LetterState if state is not LetterState.REDELIVERED)
_FILE = {"phu-luc.txt": b"Ph\xe1\xbb\xa5 l\xe1\xbb\xa5c\n" * 200}
_DOCUMENT = re.compile(r"_(\d+)-VB_")
_RECEIPT = re.compile(r"^(\w+)_01_(\d+)-VB_")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """A document put into an outbox, and when."""

    sender: str
    at: float


class Agencies:
    """Three agencies' systems: each writes to both others in turn, and takes what arrives away."""

    def __init__(self, home: Path) -> None:
        self._home = Home(home)
        self.dropped: dict[str, Dropped] = {}
        self.arrived: Counter[Delivery] = Counter()
        self.answered: Counter[Delivery] = Counter()
        self.handed_over: dict[Delivery, float] = {}

    def nobody_is_ready(self) -> bool:
        """Whether no worker says that it is ready."""
        running = self._home.running()
        assert running is not None
        answers = [httpx.get(f"{url}/readyz") for url in running.worker_metrics_urls]
        return not any(answer.is_success for answer in answers)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Write and take away until the exit; then only take away, until all has come."""
        taking = asyncio.create_task(self._take_away())
        writing = asyncio.create_task(self._write())
        try:
            yield
            writing.cancel()
            await self.until(self._is_settled)
        finally:
            for task in (writing, taking):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not holds():  # noqa: ASYNC110 (files announce nothing)
                await asyncio.sleep(_LOOK_SECONDS)

    async def flowing(self, since: float) -> float:
        """Wait until each has had a document from each other that was written after a moment.

        Returns:
            How many seconds after that moment this was.
        """
        await self.until(lambda: self._flowing_at(since) is not None)
        return (self._flowing_at(since) or since) - since

    def longest_silence(self, since: float) -> float:
        """The longest time in which nobody was handed anything, in seconds."""
        moments = sorted(moment for moment in self.handed_over.values() if moment > since)
        return max(b - a for a, b in itertools.pairwise([since, *moments]))

    def sent(self) -> set[str]:
        """The numbers of the documents whose senders were told that they are sent."""
        folders = (self._home.agencies / code / "sent" for code in CODES)
        return {path.stem for folder in folders for path in folder.iterdir()}

    def reconcile(self, *, waiting: int, parked: int) -> Reconciliation:
        """The account of everything so far."""
        accepted = {
            Delivery(number, other)
            for number in self.sent()
            for other in CODES
            if other != self.dropped[number].sender
        }
        return Reconciliation(
            accepted=frozenset(accepted),
            delivered=self.arrived,
            answered=self.answered,
            waiting=waiting,
            parked=parked,
        )

    def _flowing_at(self, since: float) -> float | None:
        firsts: dict[tuple[str, str], float] = {}
        for delivery, moment in self.handed_over.items():
            document = self.dropped[delivery.number]
            if document.at >= since:
                firsts.setdefault((document.sender, delivery.recipient), moment)
        return max(firsts.values()) if len(firsts) == len(CODES) * (len(CODES) - 1) else None

    def _is_settled(self) -> bool:
        """Whether every document was sent, handed over and answered."""
        wanted = len(self.dropped) * (len(CODES) - 1)
        return (
            len(self.arrived) == wanted
            and len(self.answered) == wanted
            and (len(self.sent()) == len(self.dropped))
        )

    async def _write(self) -> None:
        for number, sender in zip(itertools.count(1), itertools.cycle(CODES)):
            others = [code for code in CODES if code != sender]
            packet = a_packet(sender=sender, receivers=others, number=f"{number}", files=_FILE)
            draft = self._home.agencies / sender / f".{number}"
            draft.write_bytes(packet)
            self.dropped[f"{number}"] = Dropped(sender=sender, at=time.monotonic())
            draft.rename(self._home.agencies / sender / "outbox" / f"{number}.edxml")
            await asyncio.sleep(_PACE_SECONDS)

    async def _take_away(self) -> None:
        """As agencies' systems do: what was taken would be seen again if it came twice."""
        while True:
            for code in CODES:
                inbox = self._home.agencies / code / "inbox"
                for path in (inbox / "documents").iterdir():
                    delivery = Delivery(_number(path.name), code)
                    self.arrived[delivery] += 1
                    self.handed_over.setdefault(delivery, time.monotonic())
                    path.unlink()
                for path in (inbox / "statuses").iterdir():
                    if receipt := _RECEIPT.search(path.name):
                        self.answered[Delivery(receipt[2], receipt[1])] += 1
                    path.unlink()
            await asyncio.sleep(_LOOK_SECONDS)


def settings_of(home: Path, *, amqp_url: str, management_url: str) -> Settings:
    """An axis of one worker that uses this broker."""
    return Settings(
        home=home,
        amqp_url=amqp_url,
        management_url=management_url,
        workers=1,
        publish_deadline=PUBLISH_DEADLINE,
        settle=timedelta(0),
    )


@asynccontextmanager
async def connected_agencies(settings: Settings) -> AsyncIterator[Agencies]:
    """Three agencies on an axis; drained at the exit."""
    agencies, stop = Agencies(settings.home), asyncio.Event()
    directory_of(settings).save(
        Directory(
            agencies=tuple(
                Agency(code=AgencyCode(code), name_vi=f"Cơ quan {code}", connected=True)
                for code in CODES
            )
        )
    )
    async with open_axis(settings, only=None, stop=stop, progress=lambda _: None) as axis:
        running = asyncio.create_task(axis.run())
        try:
            yield agencies
        finally:
            stop.set()
            await running


async def left_by(settings: Settings) -> tuple[int, int]:
    """How many messages wait in the mailboxes, and how many are parked; nobody consumes."""
    connection = await aio_pika.connect(addresses_in(settings.amqp_url or "")[0])
    async with connection, connection.channel() as channel, reached_letters(settings) as letters:

        async def depth(name: str) -> int:
            queue = await channel.get_queue(name)
            return queue.declaration_result.message_count or 0

        names = [name for code in CODES for name in queues_of(MailboxName(code))]
        failed = await letters.count(Selection(states=_PARKED)) + await depth(FAILURES)
        return sum([await depth(name) for name in names]), failed


def _number(file: str) -> str:
    found = _DOCUMENT.search(file)
    assert found is not None, file
    return found[1]
