"""Replay: how fast the handler brings dead letters back, beside plain publishes of the same."""

import asyncio
import random
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import aio_pika

from bus.bootstrap.broker import managed
from bus.bootstrap.process import fresh_ids, now
from bus.core.dead_letters.letter import OrderId
from bus.core.dead_letters.order import Action, NewOrder, OrderState
from bus.core.dead_letters.report import Believed
from bus.core.dead_letters.retry import RetryPolicy
from bus.core.dead_letters.selection import Selection
from bus.core.keyring import KeyRing
from bus.core.message import WireMessage
from bus.core.topology import DOCUMENTS, REDELIVERY, desired
from bus.ports import PublishOutcome
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.locate import Located
from bus.rabbit.provisioning import Provisioning
from bus.services.dead_letters import DeadLetterHandler
from bus.store.sql import open_dead_letters
from schemas.identifiers import MailboxName
from tests.benchmarks.measure import WINDOW
from tests.support.agencies import routing_of
from tests.support.letters import an_attempt, park

_MAILBOXES = (MailboxName("G22"), MailboxName("H24"))
_DEADLINE = timedelta(seconds=60)
_BODY = b"x" * 4096
_KEY = "G22.H24.standard.document"
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayRate:
    """Messages a second.

    Attributes:
        bare: aio-pika alone publishes them, confirmed, in a window.
        plain: Our publisher does.
    """

    bare: float
    plain: float
    replay: float


async def replay_rate(located: Located, folder: Path, letters: int) -> ReplayRate:
    """Publish so many 4 KB bodies; then let the handler replay as many from SQLite."""
    async with managed(located) as management:
        provisioning = Provisioning(located.amqp_url, management)
        await provisioning.apply(await provisioning.plan(desired(_MAILBOXES, ledger=False)))
    async with (
        RabbitBroker(located.amqp_url, name="bench", impersonates=True) as broker,
        open_dead_letters(f"sqlite:///{folder / 'failures.db'}") as store,
    ):
        await broker.ready(_DEADLINE)
        bare = await _bare_rate(located.amqp_url, letters)
        deliveries = [_delivery(number) for number in range(letters)]
        began = time.perf_counter()
        outcomes = await asyncio.gather(
            *(broker.publish(each, deadline=_DEADLINE) for each in deliveries)
        )
        plain = letters / (time.perf_counter() - began)
        if set(outcomes) != {PublishOutcome.CONFIRMED}:
            raise AssertionError(outcomes)
        await asyncio.gather(
            *(
                store.record(
                    an_attempt(str(n), message=replace(each, exchange=REDELIVERY)), park, now=now()
                )
                for n, each in enumerate(deliveries)
            )
        )
        handler = DeadLetterHandler(
            letters=store,
            subscriber=broker,
            publisher=broker,
            believed=lambda: Believed(keys=KeyRing(), routing=routing_of(_MAILBOXES)),
            policy=RetryPolicy(),
            clock=now,
            new_id=fresh_ids(),
            jitter=random.random,
            observe=lambda _: None,
            deadline=_DEADLINE,
            poll=timedelta(milliseconds=50),
        )
        running = asyncio.create_task(handler.run())
        order = NewOrder(action=Action.REPLAY, selection=Selection(), operator="bench")
        began = time.perf_counter()
        placed = await store.place(order, order_id=OrderId(uuid4().hex), now=now())
        while (await store.order(placed.id)).state is not OrderState.DONE:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        seconds = time.perf_counter() - began
        handler.stop.set()
        await running
        return ReplayRate(bare=bare, plain=plain, replay=letters / seconds)


async def _bare_rate(amqp_url: str, letters: int) -> float:
    window = asyncio.Semaphore(WINDOW)
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(DOCUMENTS)

        async def publish(number: int) -> None:
            message = aio_pika.Message(
                _BODY, message_id=str(number), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
            )
            async with window:
                await exchange.publish(message, routing_key=_KEY, mandatory=True)

        began = time.perf_counter()
        await asyncio.gather(*map(publish, range(letters)))
        return letters / (time.perf_counter() - began)


def _delivery(number: int) -> WireMessage:
    return WireMessage(
        exchange=DOCUMENTS,
        routing_key=_KEY,
        body=_BODY,
        type="document",
        message_id=f"bench-{number}",
        signature="e30..c2ln",
    )
