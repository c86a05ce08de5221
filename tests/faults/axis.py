"""Axis: agencies on a real broker and a real store, in this process or in workers of their own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aio_pika
from aio_pika.exceptions import ChannelNotFoundEntity

from adapters.endpoints.folder import FolderEndpoint
from bus.attachments.folder import FolderAttachments
from bus.core.dead_letters.letter import FailedAttempt
from bus.core.dead_letters.report import Believed, read_attempt
from bus.core.keyring import KeyRing
from bus.core.message import WireMessage
from bus.core.routing import Routing
from bus.core.signing import SigningKey, sign
from bus.core.topology import (
    DOCUMENTS,
    FAILURES,
    account_of,
    desired,
    routing_key,
)
from bus.core.wire import body_of
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import load_ring, load_signing_key
from bus.ports import ReceivedMessage, Settlement
from bus.rabbit.broker import RabbitBroker
from bus.services.courier import MOST_DELIVERIES
from bus.store.sql import open_store
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName
from schemas.value import Value
from tests.acceptance.packets import a_packet
from tests.support.agencies import Agencies, Parts, real_now, routing_of
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.folders import Folders, context_of
from tests.support.rabbit_bus import VirtualHost

DEADLINE = timedelta(seconds=90)
"""Generous: the machine may be busy with other things, and a restart takes its time."""

THIRD, FOURTH = "H97", "G97"


class Site(Value):
    """Where an axis is at home: all that a worker needs to know."""

    home: Path
    codes: tuple[str, ...] = (SENDER, RECIPIENT)
    amqp_url: str
    database_url: str
    prefetch: int = 4
    publish_deadline: timedelta = timedelta(seconds=10)
    most_deliveries: int = MOST_DELIVERIES

    @property
    def routing(self) -> Routing:
        """The directory."""
        return routing_of(self.codes)

    @property
    def folders(self) -> Folders:
        """The agencies' folders."""
        return Folders(self.home / "agencies")

    @property
    def ring(self) -> KeyRing:
        """Whom everybody believes."""
        return load_ring(self.home / "keys")

    def key_of(self, code: str) -> SigningKey:
        """An agency's key pair."""
        return load_signing_key(self.home / "keys", MailboxName(code), now=real_now())

    def letter(self, number: str, *, sender: str = SENDER, to: str = RECIPIENT) -> bytes:
        """A document as an agency's system writes it."""
        return a_packet(sender=sender, receivers=[to], number=number)

    def signed(
        self, envelope: Envelope, *, to: str = RECIPIENT, at: timedelta = timedelta()
    ) -> WireMessage:
        """An envelope on the wire, as its sender's worker publishes it."""
        body, now = body_of(envelope), real_now() + at
        sender = envelope.sender_mailbox
        return WireMessage(
            exchange=DOCUMENTS,
            routing_key=routing_key(sender, MailboxName(to), envelope.lane, envelope.kind),
            body=body,
            type=envelope.kind,
            message_id="",
            signature=sign(body, key=self.key_of(sender), now=now),
            user_id=account_of(sender),
            timestamp=now,
        )


async def found_site(host: VirtualHost, home: Path, **changes: object) -> Site:
    """An axis' home: mailboxes on the broker, keys and folders; nobody works there yet."""
    given: dict[str, object] = {
        "home": home,
        "amqp_url": host.amqp_url,
        "database_url": f"sqlite:///{home / 'store.db'}",
    }
    site = Site.model_validate(given | changes)
    now, mailboxes = real_now(), site.routing.mailboxes
    DevelopmentAuthority.open(home / "keys", now=now).ensure(mailboxes, now=now)
    for code in site.codes:
        FolderEndpoint(context_of(site.folders.folder(code)))
    await host.provision(desired(mailboxes, ledger=False))
    return site


@asynccontextmanager
async def agencies_at(
    site: Site,
    *,
    broker: type[RabbitBroker] = RabbitBroker,
    alter: Callable[[Parts], Parts] = lambda parts: parts,
) -> AsyncIterator[Agencies]:
    """All agencies of a site, in this process, not at work yet.

    Args:
        alter: Puts other parts in the place of the usual ones.
    """
    async with (
        open_store(site.database_url) as store,
        broker(site.amqp_url, name="test", impersonates=True) as connected,
    ):
        await connected.ready(DEADLINE)
        routing = site.routing
        await store.inbox.reclaim(routing.mailboxes)
        parts = Parts(
            routing=routing,
            ring=site.ring,
            key_of=site.key_of,
            broker=connected,
            attachments=FolderAttachments(site.home / "attachments", now=real_now()),
            inbox=store.inbox,
            records=store.records,
            prefetch=site.prefetch,
            publish_deadline=site.publish_deadline,
            most_deliveries=site.most_deliveries,
        )
        yield Agencies(site.home / "agencies", alter(parts))


@dataclass(kw_only=True)
class Failures:
    """What has been taken out of the queue `failures`."""

    site: Site
    messages: list[WireMessage] = field(default_factory=list)

    @property
    def attempts(self) -> list[FailedAttempt]:
        """As the dead-letter handler understands them."""
        believed = Believed(keys=self.site.ring, routing=self.site.routing)
        return [read_attempt(message, believed, now=real_now()) for message in self.messages]


@asynccontextmanager
async def failures_of(site: Site) -> AsyncIterator[Failures]:
    """Take out of `failures` whatever comes."""
    failures = Failures(site=site)

    async def keep(received: ReceivedMessage) -> Settlement:
        failures.messages.append(received.message)
        return Settlement.ACK

    async with RabbitBroker(site.amqp_url, name="failures") as broker:
        async with broker.subscribe(FAILURES, keep, prefetch=50):
            yield failures


async def depth(site: Site, queue: str) -> int:
    """How many messages a queue could give out now; -1 when there is no such queue."""
    async with await aio_pika.connect(site.amqp_url) as connection:
        channel = await connection.channel()
        try:
            found = await channel.declare_queue(queue, passive=True)
        except ChannelNotFoundEntity:
            return -1
        return found.declaration_result.message_count or 0


async def eventually(
    look: Callable[[], object], what: str = "", *, within: timedelta = DEADLINE
) -> None:
    """Wait until something is true."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            while not look():  # noqa: ASYNC110 (files announce nothing)
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise AssertionError(f"did not come true within {within}: {what or look}") from error
