"""Letters: the dead letters of a home, and the handler that works on them."""

import random
from asyncio import Event
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bus.bootstrap.broker import url_of
from bus.bootstrap.process import fresh_ids, now
from bus.core.routing import Routing
from bus.core.topology import HANDLER_ACCOUNT, mailboxes_by_word
from bus.ports import DeadLetters, Observer, Tracer
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.locate import Located
from bus.services.dead_letters import DeadLetterHandler
from bus.settings import Settings
from bus.store.sql import open_dead_letters


@asynccontextmanager
async def reached_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """The dead letters of this home, for an operator; the axis may run or not."""
    async with open_dead_letters(settings.failures_url) as letters:
        yield letters


@asynccontextmanager
async def dead_letter_handler(
    settings: Settings,
    address: Located,
    *,
    routing: Callable[[], Routing],
    observe: Observer,
    stop: Event,
    tracer: Tracer,
) -> AsyncIterator[DeadLetterHandler]:
    """The handler with its store and connections; its `run` obeys `stop`."""
    async with (
        open_dead_letters(settings.failures_url) as letters,
        RabbitBroker(
            url_of(settings, address, HANDLER_ACCOUNT), name="lienthong dead letters"
        ) as broker,
    ):
        yield DeadLetterHandler(
            letters=letters,
            subscriber=broker,
            publisher=broker,
            mailboxes=lambda: mailboxes_by_word(routing().mailboxes),
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
