"""Attachments that reach the recipient's machine later than the documents that name them."""

from pathlib import Path

from bus.core.events import WorkStalled
from tests.acceptance.packets import a_packet
from tests.faults.axis import agencies_at, eventually, failures_of, found_site
from tests.support.agencies import Agencies
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.rabbit_bus import VirtualHost

_BATCH = 12
_LATE = 5


def _letter(number: int) -> bytes:
    files = {"a.txt": f"content {number} ".encode() * 1000}
    return a_packet(sender=SENDER, receivers=[RECIPIENT], number=str(number), files=files)


async def test_a_document_whose_attachment_is_late_waits_for_it_and_arrives_once(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    site = await found_site(vhost, tmp_path)
    store, elsewhere = site.home / "attachments", tmp_path / "elsewhere"
    async with agencies_at(site) as agencies, failures_of(site) as failures:
        async with agencies.at_work(only=[SENDER]):
            for number in range(_BATCH):
                agencies.drop(SENDER, f"{number:02}.edxml", _letter(number))
            await eventually(lambda: len(agencies.sent(SENDER)) == _BATCH)
        late = _file_of(store, _LATE)
        late.rename(elsewhere)
        async with agencies.at_work():
            await eventually(lambda: _is_missed(agencies))
            elsewhere.rename(late)
            await eventually(lambda: len(agencies.statuses(SENDER)) == _BATCH)

        assert failures.messages == []
    assert len(agencies.documents(RECIPIENT)) == _BATCH


def _file_of(store: Path, number: int) -> Path:
    """Where the store keeps the attachment of a letter."""
    content = f"content {number} ".encode() * 1000
    [path] = [p for p in store.rglob("*") if p.is_file() and p.read_bytes() == content]
    return path


def _is_missed(agencies: Agencies) -> bool:
    codes = {event.problem.code for event in agencies.of_type(WorkStalled)}
    return "E_ATTACHMENT_AWAY" in codes
