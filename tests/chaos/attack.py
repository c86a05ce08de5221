"""Attack: a thief with one agency's account, and careless hands in the folders, beside honest work.

Everything that account may reach is thrown at; meanwhile two honest agencies exchange documents,
and an honest failure must become visible to operators.
"""

import asyncio
import json
import random
import struct
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from bus.core.dead_letters.selection import Selection
from bus.core.message import WireMessage
from bus.core.signing import sign
from bus.core.topology import DOCUMENTS, account_of, routing_key
from bus.core.wire import body_of, envelope_of
from bus.home.layout import Home
from bus.keys.ring import load_signing_key
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.connection import Link, LostError, noticing_loss
from bus.store.sql import open_dead_letters
from schemas.codes import EnvelopeKind, Lane
from schemas.document import Organization
from schemas.identifiers import AgencyCode, MailboxName
from tests.acceptance.packets import a_packet
from tests.chaos.hostile import Hostile, framed
from tests.support.envelopes import a_document, a_recipient
from tests.support.folders import Folders, number_in

THIEF, SENDER, RECIPIENT = MailboxName("H24"), MailboxName("G22"), MailboxName("H41")

VISIBLE_WITHIN = timedelta(seconds=30)
"""From an honest failure until operators see it; a busy machine must not look like a fault."""
_FRAME_BYTES = 131_072
_ABSENT = {"name": "a.pdf", "media_type": "application/pdf", "size": 1, "sha256": "0" * 64}


@dataclass
class Attack:
    """One run against an axis that serves the thief, the sender and the recipient.

    Attributes:
        thrown: How much of each was thrown.
        late: Honest failures that did not become visible in time.
    """

    home: Path
    choose: random.Random
    thrown: Counter[str] = field(default_factory=Counter)
    dropped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        running = Home(self.home).running()
        assert running is not None
        self._url = running.amqp_url
        self.hostile = Hostile(self.choose, thief=THIEF, account=account_of(THIEF))
        self.folders = Folders(Home(self.home).agencies)

    async def run(self, duration: timedelta) -> None:
        """Attack for a while; the honest work goes on beside it."""
        until = time.monotonic() + duration.total_seconds()
        async with asyncio.TaskGroup() as work:
            work.create_task(self.harm(until))
            work.create_task(self._throw(until, self._honestly, "document", every=0.5))
            work.create_task(self._fail_honestly(until))

    async def harm(self, until: float) -> None:
        """Only attack."""
        async with asyncio.TaskGroup() as work:
            work.create_task(self._publish(until))
            work.create_task(self._throw(until, self._into_outbox, "file", every=0.05))
            work.create_task(self._throw(until, self._into_keys, "key file", every=0.4))

    @property
    def missing(self) -> Mapping[str, str]:
        """The honest documents that did not arrive once, or whose receipt is not there."""
        arrived = Counter(map(number_in, self.folders.documents(RECIPIENT)))
        answered = Counter(map(number_in, self.folders.statuses(SENDER)))
        return {
            number: f"arrived {arrived[number]}, answered {answered[number]}"
            for number in self.dropped
            if arrived[number] != 1 or answered[number] < 1
        }

    # --- hostile ---

    async def _publish(self, until: float) -> None:
        """At every exchange that the account may publish to; a broken channel is opened anew."""
        key = load_signing_key(self.home / "keys", THIEF, now=datetime.now(UTC))

        def signed(body: bytes) -> str:
            return sign(body, key=key, now=datetime.now(UTC))

        link = Link(self._logged_in(THIEF), name="thief").open()
        try:
            while time.monotonic() < until:
                with suppress(LostError), noticing_loss():
                    connection = await link.connected()
                    channel = await connection.channel(publisher_confirms=False)
                    while time.monotonic() < until and not channel.is_closed:
                        # What pamqp cannot write is thrown by nobody.
                        with suppress(ValueError, TypeError, OverflowError, struct.error):
                            thrown = self.hostile.message(signed)
                            connection.messages.write(
                                framed(thrown, channel=channel.number, frame_bytes=_FRAME_BYTES)
                            )
                            self.thrown[thrown.exchange] += 1
                        await asyncio.sleep(0.02)
        finally:
            await link.close()

    async def _throw(
        self, until: float, throw: Callable[[], None], what: str, *, every: float
    ) -> None:
        while time.monotonic() < until:
            with suppress(OSError, ValueError):
                throw()
                self.thrown[what] += 1
            await asyncio.sleep(every)

    def _into_outbox(self) -> None:
        self.hostile.outbox_file(self.home / "agencies" / THIEF / "outbox")

    def _into_keys(self) -> None:
        keys = self.home / "keys"
        issuer = x509.load_pem_x509_certificate((keys / "authorities/development.pem").read_bytes())
        key = load_pem_private_key((keys / "development.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.hostile.key_file(keys, issuer, key)

    # --- honest ---

    def _honestly(self) -> None:
        number = str(1000 + len(self.dropped))
        packet = a_packet(sender=SENDER, receivers=[RECIPIENT], number=number)
        self.folders.drop(SENDER, f"{number}.edxml", packet)
        self.dropped.append(number)

    async def _fail_honestly(self, until: float) -> None:
        """Documents whose attachment is nowhere: each must become a dead letter, and soon."""
        number = 9000
        async with (
            RabbitBroker(self._logged_in(SENDER), name="honest") as broker,
            open_dead_letters(f"sqlite:///{self.home / 'failures.db'}") as letters,
        ):
            while time.monotonic() < until:
                number += 1
                await broker.publish(self._without_its_file(str(number)), deadline=VISIBLE_WITHIN)
                self.failed.append(str(number))
                deadline = time.monotonic() + VISIBLE_WITHIN.total_seconds()
                while True:
                    found = await letters.find(Selection(mailboxes=(RECIPIENT,)), limit=10_000)
                    if any((each.number or "").startswith(f"{number}/") for each in found):
                        break
                    if time.monotonic() > deadline:
                        self.late.append(str(number))
                        break
                    await asyncio.sleep(0.2)
                await asyncio.sleep(2)

    def _without_its_file(self, number: str) -> WireMessage:
        moment = datetime.now(UTC)
        document = a_document(
            number=number,
            from_agency=Organization(organ_id=SENDER),
            attachments=(_ABSENT,),
        )
        envelope = envelope_of(
            document,
            sender=AgencyCode(SENDER),
            sender_mailbox=SENDER,
            recipients=(a_recipient(RECIPIENT),),
            sent_at=moment,
        )
        body = body_of(envelope)
        key = load_signing_key(self.home / "keys", SENDER, now=moment)
        return WireMessage(
            exchange=DOCUMENTS,
            routing_key=routing_key(SENDER, RECIPIENT, Lane.STANDARD, EnvelopeKind.DOCUMENT),
            body=body,
            type=EnvelopeKind.DOCUMENT,
            message_id=uuid4().hex,
            signature=sign(body, key=key, now=moment),
            user_id=account_of(SENDER),
            timestamp=moment,
        )

    def _logged_in(self, mailbox: MailboxName) -> str:
        account = account_of(mailbox)
        password = (self.home / "accounts" / f"{account}.password").read_text().strip()
        return str(URL(self._url).with_user(account).with_password(password))


def troubles_in(log: Path) -> dict[str, int]:
    """What the axis must not have said under attack, and how often."""
    bad = {"service_ended", "process_ended", "handler_failed", "observer_failed"}
    said: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.startswith("{"):
            said["traceback"] += line.startswith("Traceback")
            continue
        told = json.loads(line)
        if told["event"] in bad:
            said[f"{told['event']} {told.get('service', '')} {told.get('problem', '')}"] += 1
        for code in ("E_STORE_AWAY", "E_ENDPOINT_DOWN", "E_OUTBOX_DOWN"):
            # Nothing was: one item was odd.
            said[code] += code in str(told.get("problem", ""))
    return +said
