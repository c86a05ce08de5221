"""Our hop: signed, published, consumed, verified, validated, de-duplicated, acknowledged."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bus.bootstrap.broker import managed
from bus.core.admission import admit, prove
from bus.core.identity import delivery_id
from bus.core.logins import accounts_for
from bus.core.message import WireMessage
from bus.core.signing import sign
from bus.core.topology import DOCUMENTS, account_of, desired, queue_of, routing_key
from bus.core.wire import body_of, envelope_of
from bus.keys.passwords import PasswordFolder
from bus.ports import PublishObserver, PublishOutcome, ReceivedMessage, Settlement
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.locate import Located
from bus.rabbit.provisioning import Provisioning
from bus.rabbit.tls import as_account
from schemas.codes import EnvelopeKind, Lane
from schemas.document import Document
from schemas.identifiers import DeliveryId, MailboxName
from tests.benchmarks.measure import WINDOW, Arrivals, Hop
from tests.support.envelopes import RECIPIENT, SENDER, Signers, a_document, a_recipient
from tests.support.two_agencies import routing_of_two

_FROM, _TO = MailboxName(SENDER), MailboxName(RECIPIENT)


def _nothing() -> None:
    """What is done after a hand-over that nobody observes."""


async def our_hop(
    located: Located,
    messages: int,
    *,
    name: str = "Liên Thông, signed",
    accounts: Path | None = None,
    published: PublishObserver | None = None,
    handed_over: Callable[[], None] = _nothing,
) -> Hop:
    """Everything between two agencies but reading and writing their files and stores.

    Args:
        accounts: Each agency works under its own account, whose password is kept there; without,
            both under the administrator's.
    """
    routing, signers, arrivals = routing_of_two(), Signers(), Arrivals(messages)
    here, there = await _provisioned(located, routing.mailboxes, accounts)
    done: set[DeliveryId] = set()

    async def handle(received: ReceivedMessage) -> Settlement:
        now = datetime.now(UTC)
        verified = prove(received.message, keys=signers.ring, now=now)
        envelope = admit(verified, received.message, mailbox=_TO, routing=routing, now=now)
        delivery = delivery_id(envelope.envelope_id, _TO)
        if delivery in done:
            raise AssertionError(delivery)
        done.add(delivery)
        handed_over()
        arrivals.arrived(int(received.message.message_id.partition("-")[0]))
        return Settlement.ACK

    async with (
        RabbitBroker(
            here, name="bench", impersonates=accounts is None, published=published
        ) as broker,
        RabbitBroker(there, name="bench", impersonates=accounts is None) as recipient,
    ):
        await broker.ready(timedelta(seconds=30))
        await recipient.ready(timedelta(seconds=30))

        letters = [_letter(number) for number in range(messages)]

        async def publish(number: int) -> None:
            message = _message(letters[number], number, signers)
            outcome = await broker.publish(message, deadline=timedelta(seconds=30))
            if outcome is not PublishOutcome.CONFIRMED:
                raise AssertionError(outcome)

        async with recipient.subscribe(queue_of(_TO, Lane.STANDARD), handle, prefetch=WINDOW):
            return await arrivals.measure(name, publish)


async def _provisioned(
    located: Located, mailboxes: Sequence[MailboxName], accounts: Path | None
) -> tuple[str, str]:
    """Make the two mailboxes; returns how their agencies log in."""
    wanted = desired(mailboxes, ledger=False)
    if accounts is not None:
        wanted = replace(wanted, accounts=accounts_for(mailboxes))
    passwords = PasswordFolder(accounts or Path())
    async with managed(located) as management:
        provisioning = Provisioning(located.amqp_url, management, passwords=passwords)
        await provisioning.apply(await provisioning.plan(wanted))
    if accounts is None:
        return located.amqp_url, located.amqp_url
    names = (account_of(_FROM), account_of(_TO))
    here, there = (as_account(located.amqp_url, name, passwords.of(name)) for name in names)
    return here, there


def _letter(number: int) -> Document:
    """A document whose envelope has about 4 KB."""
    return a_document(number=str(number), document_id=f"bench-{number}", content="x" * 2900)


def _message(document: Document, number: int, signers: Signers) -> WireMessage:
    now = datetime.now(UTC)
    envelope = envelope_of(
        document,
        sender=SENDER,
        sender_mailbox=_FROM,
        recipients=(a_recipient(),),
        sent_at=now,
    )
    body = body_of(envelope)
    return WireMessage(
        exchange=DOCUMENTS,
        routing_key=routing_key(_FROM, _TO, Lane.STANDARD, EnvelopeKind.DOCUMENT),
        body=body,
        type=EnvelopeKind.DOCUMENT,
        message_id=f"{number}-{uuid.uuid4().hex}",
        signature=sign(body, key=signers.key(SENDER), now=now),
        user_id=account_of(_FROM),
        timestamp=now,
    )
