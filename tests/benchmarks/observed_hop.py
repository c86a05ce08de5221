"""Observed hop: ours, with everything that an axis keeps of it, scraped every second."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial

import httpx

from bus.bootstrap.process import now
from bus.core.events import DeliveryHandedOver
from bus.observability.health import Health, ended
from bus.observability.http import serving
from bus.observability.metrics import AxisMetrics
from bus.ports import BrokerHealth
from bus.rabbit.locate import Located
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName
from tests.benchmarks.measure import Hop
from tests.benchmarks.our_hop import our_hop
from tests.support.envelopes import RECIPIENT, SENDER

_SCRAPE_EVERY_SECONDS = 1.0
_HANDED_OVER = DeliveryHandedOver(
    mailbox=MailboxName(RECIPIENT),
    kind=EnvelopeKind.DOCUMENT,
    lane=Lane.STANDARD,
    envelope_id=EnvelopeId("e"),
    delivery_id=DeliveryId("d"),
    sender=SENDER,
    file="f",
    status=None,
    age=timedelta(seconds=1),
    took=timedelta(milliseconds=5),
)
"""The event itself is made and told whether anybody counts or not."""


async def observed_hop(located: Located, messages: int) -> Hop:
    """The hop, its publishes and hand-overs counted, the loop's lag sampled."""
    metrics = AxisMetrics(version="bench", clock=now)
    agencies = [MailboxName(f"A{number:02}") for number in range(93)]
    every = [*agencies, MailboxName(SENDER), MailboxName(RECIPIENT)]
    metrics.knowing(every)
    metrics.serving(every)
    async with _observed(metrics):
        return await our_hop(
            located,
            messages,
            name="Liên Thông, observed",
            published=metrics.published,
            handed_over=partial(metrics, _HANDED_OVER),
        )


@asynccontextmanager
async def _observed(metrics: AxisMetrics) -> AsyncIterator[None]:
    health = Health(metrics=metrics, broker=lambda: BrokerHealth.READY, more=tuple)
    watching = asyncio.create_task(health.watch())
    with serving(health, host="127.0.0.1", port=0) as url, _scraped(url):
        yield
    await ended(watching)


@contextmanager
def _scraped(url: str) -> Iterator[None]:
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(_SCRAPE_EVERY_SECONDS):
            httpx.get(f"{url}/metrics").raise_for_status()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
