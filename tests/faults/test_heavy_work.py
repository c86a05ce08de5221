"""Heavy work: a huge packet must not hold up the loop, on which heartbeats and others depend."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.contract import MIB
from adapters.formats.edxml import EdxmlFormat
from bus.attachments.folder import FolderAttachments
from schemas.document import Attachment, Organization
from tests.faults.axis import Site, agencies_at, eventually, found_site
from tests.support.agencies import real_now
from tests.support.envelopes import NOW, RECIPIENT, SENDER, a_document
from tests.support.rabbit_bus import VirtualHost

SIZE = 100 * MIB
TOLERATED_SECONDS = 0.5


@dataclass
class Lag:
    """How late the loop was at its worst, in seconds."""

    worst: float = 0.0


@asynccontextmanager
async def measured_lag() -> AsyncIterator[Lag]:
    """Ask to be woken again and again, and see how late that happens."""
    lag, loop, pause = Lag(), asyncio.get_running_loop(), 0.01

    async def tick() -> None:
        while True:
            due = loop.time() + pause
            await asyncio.sleep(pause)
            lag.worst = max(lag.worst, loop.time() - due)

    ticking = asyncio.create_task(tick())
    try:
        yield lag
    finally:
        ticking.cancel()


def write_huge_packet(path: Path, aside: Path) -> None:
    """A packet with one attachment that does not compress."""
    store = FolderAttachments(aside, now=real_now())
    writer = store.begin()
    for _ in range(SIZE // MIB):
        writer.write(os.urandom(MIB))
    kept = writer.keep()
    document = a_document(
        from_agency=Organization(organ_id=SENDER),
        to_agencies=(Organization(organ_id=RECIPIENT),),
        document_id=f"{SENDER},2026/03/12,0/VB",
        number="0",
        notation="VB",
        attachments=(
            Attachment(
                name="ban-do.bin",
                media_type="application/octet-stream",
                size=kept.size,
                sha256=kept.sha256,
            ),
        ),
    )
    with path.open("wb") as file:
        file.writelines(EdxmlFormat().write(document, attachments=store, written_at=NOW))


async def exchange_beside(site: Site, huge: Path) -> int:
    """Send the huge packet; how many small documents travelled the other way meanwhile."""
    folders = site.folders
    await asyncio.to_thread(huge.rename, folders.folder(SENDER) / "outbox" / huge.name)
    small = 0
    while not folders.statuses(SENDER):
        small += 1
        letter = site.letter(str(small), sender=RECIPIENT, to=SENDER)
        folders.drop(RECIPIENT, f"{small}.edxml", letter)
        await eventually(lambda: len(folders.statuses(RECIPIENT)) == small)  # noqa: B023
    return small


async def test_a_packet_of_a_hundred_megabytes_does_not_hold_up_the_loop(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 20: it is read, stored, written and handed over beside the loop, as are others."""
    site = await found_site(vhost, tmp_path)
    huge = tmp_path / "huge.edxml"
    await asyncio.to_thread(write_huge_packet, huge, tmp_path / "aside")
    async with agencies_at(site) as agencies, agencies.at_work(), measured_lag() as lag:
        small = await exchange_beside(site, huge)

    assert small > 1
    assert lag.worst < TOLERATED_SECONDS
    [arrived] = (site.folders.folder(RECIPIENT) / "inbox/documents").iterdir()
    assert arrived.stat().st_size > SIZE
