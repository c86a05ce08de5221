"""Sealed documents over a real broker and a real store, while a key is rotated."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from bus.core.sealing.suite import SealingSuite
from bus.keys.sealing import SealingFolder
from schemas.document import Document
from schemas.identifiers import MailboxName
from tests.acceptance.packets import a_packet
from tests.faults.axis import agencies_at, eventually, failures_of, found_site
from tests.support.agencies import real_now
from tests.support.builders import read_packet
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.rabbit_bus import VirtualHost

_SUBJECT = "V/v bổ nhiệm mẫu"
_BATCH = 12


def _letter(number: int) -> bytes:
    return a_packet(
        sender=SENDER,
        receivers=[RECIPIENT],
        number=str(number),
        subject=_SUBJECT,
        files={"a.txt": _content(number)},
    )


def _content(number: int) -> bytes:
    return f"readable {number} ".encode() * 50_000


async def test_what_was_sealed_before_and_after_a_rotation_arrives_once(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    site = await found_site(vhost, tmp_path)
    seals, recipient = SealingFolder(site.home / "keys"), MailboxName(RECIPIENT)
    seals.ensure(site.routing.mailboxes, signing=site.key_of, now=real_now())
    async with (
        agencies_at(site, alter=lambda parts: replace(parts, seals=lambda _: seals)) as agencies,
        failures_of(site) as failures,
    ):
        async with agencies.at_work(only=[SENDER]):
            for number in range(_BATCH):
                agencies.drop(SENDER, f"{number}.sealed.edxml", _letter(number))
            await eventually(lambda: len(agencies.sent(SENDER)) == _BATCH)
            seals.rotate(recipient, suite=SealingSuite.HYBRID, signing=site.key_of, now=real_now())
            for number in range(_BATCH, 2 * _BATCH):
                agencies.drop(SENDER, f"{number}.sealed.edxml", _letter(number))
            await eventually(lambda: len(agencies.sent(SENDER)) == 2 * _BATCH)
        async with agencies.at_work():
            await eventually(lambda: len(agencies.statuses(SENDER)) == 2 * _BATCH)
        inbox = agencies.folder(RECIPIENT) / "inbox" / "documents"
        read = [read_packet(path.read_bytes()).message for path in inbox.iterdir()]

        assert failures.messages == []
    documents = [message for message in read if isinstance(message, Document)]
    assert {document.subject for document in documents} == {_SUBJECT}
    assert sorted(document.attachments[0].sha256 for document in documents) == sorted(
        sha256(_content(number)).hexdigest() for number in range(2 * _BATCH)
    )
    kept = [path for path in (site.home / "attachments").rglob("*") if path.is_file()]
    assert len(kept) == 2 * _BATCH
    assert not any(b"readable" in path.read_bytes() for path in kept)
