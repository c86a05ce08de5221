"""Gauges: what the processes of an axis look at every few seconds, for their metrics."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from adapters.contract import Endpoint
from bus.bootstrap.process import now
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.gauges import FOR_OPERATORS, NOT_BACK, Certificates, Letters, PendingOffers
from bus.home.layout import Home
from bus.keys.ring import keys_in_use, load_ring
from bus.observability.metrics import AxisMetrics
from bus.ports import DeadLetters, Inbox, Observer
from bus.rabbit.management import Management
from bus.services.gauges import Look, OutboxAges, Survey
from bus.services.own_workers import OwnWorkers, QueueUse
from bus.services.reconciliation import Reconciler
from bus.store.sql import Store
from schemas.identifiers import MailboxName

_ACCOUNT_EVERY = timedelta(seconds=5)
_LETTERS_EVERY = timedelta(seconds=5)
_OWN_WORKERS_EVERY = timedelta(seconds=5)
_OUTBOXES_EVERY = timedelta(seconds=5)
_OFFERS_EVERY = timedelta(seconds=5)
_CERTIFICATES_EVERY = timedelta(minutes=1)

_NOT_BACK = Selection(states=NOT_BACK)
_FOR_OPERATORS = Selection(states=FOR_OPERATORS)


def gauges_of_letters(
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
) -> Survey:
    """What the process of the dead letters looks at: whatever one process tells for the whole axis.

    Args:
        known: All mailboxes of the directory, as it is now.
        served: The mailboxes whose adapters run, as it is now.
        suspended: Those that nobody may serve, as it is now.
    """

    async def depths() -> dict[str, int]:
        queues = await management.queues()
        return {queue.name: queue.messages for queue in queues if queue.messages is not None}

    reconciler = Reconciler(
        records=store.records,
        inbox=store.inbox,
        letters=letters,
        depths=depths,
        mailboxes=known,
        served=served,
        clock=now,
    )

    async def uses() -> dict[str, QueueUse]:
        return {
            queue.name: QueueUse(consumers=queue.consumers, messages=queue.messages or 0)
            for queue in await management.queues()
            if queue.consumers is not None
        }

    def elsewhere() -> Collection[MailboxName]:
        return set(known()) - set(served()) - set(suspended())

    own_workers = OwnWorkers(uses=uses, elsewhere=elsewhere)

    async def at_letters() -> Letters:
        causes = await letters.groups(_NOT_BACK, now=now())
        oldest = await letters.find(_FOR_OPERATORS, sort=Sort.OLDEST, limit=1)
        return Letters(causes=causes, oldest=oldest[0].failed_at if oldest else None)

    return Survey(
        looks=(
            Look(look=reconciler.look, every=_ACCOUNT_EVERY, name="account"),
            Look(look=at_letters, every=_LETTERS_EVERY, name="letters"),
            Look(look=own_workers.look, every=_OWN_WORKERS_EVERY, name="own_workers"),
            _at_offers(store.inbox),
            _at_certificates(home),
        ),
        see=metrics.see,
        observe=observe,
    )


def gauges_of_outboxes(
    metrics: AxisMetrics,
    *,
    home: Home,
    endpoints: Callable[[], Mapping[MailboxName, Endpoint]],
    observe: Observer,
    inbox: Inbox,
    alone: bool,
) -> Survey:
    """What a worker looks at: what waits to be sent by the agencies that it serves.

    Args:
        endpoints: Those of these agencies, as they are now.
        alone: No other process of this home looks at anything, so this one also looks at offers
            and at the ends of certificates.
    """
    outboxes = OutboxAges(endpoints, clock=now)
    looks = [Look(look=outboxes.look, every=_OUTBOXES_EVERY, name="outboxes")]
    if alone:
        looks += [_at_offers(inbox), _at_certificates(home)]
    return Survey(looks=looks, see=metrics.see, observe=observe)


def _at_offers(inbox: Inbox) -> Look:
    async def at_offers() -> PendingOffers:
        offers = await inbox.unanswered()
        return PendingOffers(
            count={mailbox: each.count for mailbox, each in offers.items()},
            oldest={mailbox: each.oldest for mailbox, each in offers.items()},
        )

    return Look(look=at_offers, every=_OFFERS_EVERY, name="offers")


def _at_certificates(home: Home) -> Look:
    async def at_certificates() -> Certificates:
        return Certificates(ends=await asyncio.to_thread(_ends, home.keys))

    return Look(look=at_certificates, every=_CERTIFICATES_EVERY, name="certificates")


def _ends(keys: Path) -> dict[MailboxName, datetime]:
    ends: dict[MailboxName, datetime] = {}
    for key in keys_in_use(load_ring(keys)):
        ends[key.owner] = max(key.not_after, ends.get(key.owner, key.not_after))
    return ends
