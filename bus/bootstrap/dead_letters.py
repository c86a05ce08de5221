"""DeadLetters: the handler that works on the dead letters of a home."""

import random
from asyncio import Event
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bus.bootstrap.broker import url_of
from bus.bootstrap.process import fresh_ids, now
from bus.core.dead_letters.report import Believed
from bus.core.topology import HANDLER_ACCOUNT
from bus.ports import Broker, Observer, PublishObserver, Tracer
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.locate import Located
from bus.services.dead_letters import DeadLetterHandler
from bus.settings import Settings
from bus.store.dead_letters.letters import SqlDeadLetters
from bus.store.sql import open_dead_letters


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetterParts:
    """The dead-letter handler with its store and its connections."""

    handler: DeadLetterHandler
    letters: SqlDeadLetters
    broker: Broker


@asynccontextmanager
async def dead_letter_handler(
    settings: Settings,
    address: Located,
    *,
    believed: Callable[[], Believed],
    observe: Observer,
    published: PublishObserver | None,
    stop: Event,
    tracer: Tracer,
) -> AsyncIterator[DeadLetterParts]:
    """The handler with its store and connections; its `run` obeys `stop`."""
    async with (
        open_dead_letters(settings.failures_url) as letters,
        RabbitBroker(
            url_of(settings, address, HANDLER_ACCOUNT),
            name="lienthong dead letters",
            published=published,
        ) as broker,
    ):
        handler = DeadLetterHandler(
            letters=letters,
            subscriber=broker,
            publisher=broker,
            believed=believed,
            policy=settings.retry_policy,
            clock=now,
            new_id=fresh_ids(),
            jitter=random.random,
            observe=observe,
            tracer=tracer,
            deadline=settings.publish_deadline,
            poll=settings.look_at_letters,
            stop=stop,
        )
        yield DeadLetterParts(handler=handler, letters=letters, broker=broker)
