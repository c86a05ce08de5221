"""Gauges: builds what the processes of an axis measure every few seconds for their metrics."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from adapters.contract import Endpoint
from bus.bootstrap.process import now
from bus.core.gauges import Measurement
from bus.home.layout import Home
from bus.keys.ring import keys_in_use, load_ring
from bus.observability.metrics import AxisMetrics
from bus.ports import DeadLetters, Inbox, Observer
from bus.rabbit.management import Management
from bus.services.gauges import (
    GaugeLoop,
    Look,
    OutboxAges,
    look_at_certificates,
    look_at_letters,
    look_at_offers,
)
from bus.services.own_workers import OwnWorkers, QueueUse
from bus.services.reconciliation import Reconciler
from bus.store.sql import Store
from schemas.identifiers import MailboxName


def gauges_of_axis(
    metrics: AxisMetrics,
    *,
    home: Home,
    store: Store,
    letters: DeadLetters,
    management: Management,
    known: Callable[[], Sequence[MailboxName]],
    served: Callable[[], Collection[MailboxName]],
    suspended: Callable[[], Collection[MailboxName]],
    observe: Observer,
) -> GaugeLoop:
    """What the process of the dead letters measures: the gauges that exist once for the axis.

    Args:
        known: All mailboxes of the directory, as it is now.
        served: The mailboxes whose adapters run, as it is now.
        suspended: The mailboxes that nobody may serve, as it is now.
    """

    async def depths() -> dict[str, int]:
        queues = await management.queues()
        return {queue.name: queue.messages for queue in queues if queue.messages is not None}

    async def uses() -> dict[str, QueueUse]:
        return {
            queue.name: QueueUse(consumers=queue.consumers, messages=queue.messages or 0)
            for queue in await management.queues()
            if queue.consumers is not None
        }

    reconciler = Reconciler(
        records=store.records,
        inbox=store.inbox,
        letters=letters,
        depths=depths,
        mailboxes=known,
        served=served,
        clock=now,
    )

    async def account() -> Measurement:
        return (await reconciler.look()).measured(now())

    own_workers = OwnWorkers(
        uses=uses, elsewhere=lambda: set(known()) - set(served()) - set(suspended())
    )
    return GaugeLoop(
        looks=(
            Look(measure=account, name="account"),
            look_at_letters(letters, clock=now),
            Look(measure=own_workers.measure, name="own_workers"),
            look_at_offers(store.inbox, clock=now),
            look_at_certificates(lambda: _certificate_ends(home), clock=now),
        ),
        show=metrics.show,
        observe=observe,
    )


def gauges_of_worker(
    metrics: AxisMetrics,
    *,
    home: Home,
    endpoints: Callable[[], Mapping[MailboxName, Endpoint]],
    observe: Observer,
    inbox: Inbox,
    alone: bool,
) -> GaugeLoop:
    """What a worker measures: the files that the agencies that it serves want sent.

    Args:
        endpoints: The endpoints of these agencies, as they are now.
        alone: This home has no process of the dead letters, so the worker also measures offers and
            certificates.
    """
    looks = [Look(measure=OutboxAges(endpoints, clock=now).measure, name="outboxes")]
    if alone:
        looks += [
            look_at_offers(inbox, clock=now),
            look_at_certificates(lambda: _certificate_ends(home), clock=now),
        ]
    return GaugeLoop(looks=looks, show=metrics.show, observe=observe)


def _certificate_ends(home: Home) -> dict[MailboxName, datetime]:
    ends: dict[MailboxName, datetime] = {}
    for key in keys_in_use(load_ring(home.keys)):
        ends[key.owner] = max(key.not_after, ends.get(key.owner, key.not_after))
    return ends
