"""Gauges: what the parent of an axis looks at every few seconds, for its metrics."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from adapters.endpoints.outbox import oldest_waiting
from bus.bootstrap.process import now
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.gauges import FOR_OPERATORS, NOT_BACK, Certificates, Letters, Outboxes
from bus.home.layout import Home
from bus.keys.ring import keys_in_use, load_ring
from bus.observability.metrics import AxisMetrics
from bus.ports import DeadLetters, Observer
from bus.rabbit.management import Management
from bus.services.gauges import Look, Survey
from bus.services.own_workers import OwnWorkers, QueueUse
from bus.services.reconciliation import Reconciler
from bus.store.sql import Store
from schemas.identifiers import MailboxName

_ACCOUNT_EVERY = timedelta(seconds=5)
_LETTERS_EVERY = timedelta(seconds=5)
_OWN_WORKERS_EVERY = timedelta(seconds=5)
_OUTBOXES_EVERY = timedelta(seconds=2.5)
_CERTIFICATES_EVERY = timedelta(minutes=1)

_NOT_BACK = Selection(states=NOT_BACK)
_FOR_OPERATORS = Selection(states=FOR_OPERATORS)


def survey(
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
    """All looks of an axis.

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
            *_at_home(home, served),
        ),
        see=metrics.see,
        observe=observe,
    )


def survey_of_agency(
    metrics: AxisMetrics, *, home: Home, mailbox: MailboxName, observe: Observer
) -> Survey:
    """What an agency's own worker can look at: its outbox, and the certificates it believes."""
    looks = _at_home(home, lambda: (mailbox,))
    return Survey(looks=looks, see=metrics.see, observe=observe)


def _at_home(home: Home, served: Callable[[], Iterable[MailboxName]]) -> tuple[Look, ...]:
    outboxes = _Outboxes(home.agencies)

    async def at_outboxes() -> Outboxes | None:
        return outboxes.look(served())

    async def at_certificates() -> Certificates:
        return Certificates(ends=await asyncio.to_thread(_ends, home.keys))

    return (
        Look(look=at_outboxes, every=_OUTBOXES_EVERY, name="outboxes"),
        Look(look=at_certificates, every=_CERTIFICATES_EVERY, name="certificates"),
    )


class _Outboxes:
    """Agencies' outboxes, looked into by a thread of their own.

    A folder that hangs (a lost network drive) holds up neither the axis nor its end.
    """

    def __init__(self, agencies: Path) -> None:
        self._agencies = agencies
        self._looking: threading.Thread | None = None
        self._seen: Outboxes | None = None

    def look(self, mailboxes: Iterable[MailboxName]) -> Outboxes | None:
        """What was seen since the last call; begin to look anew."""
        if self._looking is not None and self._looking.is_alive():
            return None
        seen, self._seen = self._seen, None
        self._looking = threading.Thread(
            target=self._look, args=(tuple(mailboxes),), name="outboxes", daemon=True
        )
        self._looking.start()
        return seen

    def _look(self, mailboxes: Iterable[MailboxName]) -> None:
        moment, ages = time.time(), {}
        for mailbox in mailboxes:
            since = oldest_waiting(self._agencies / mailbox / "outbox")
            if since is not None:
                ages[mailbox] = timedelta(seconds=max(0.0, moment - since))
        self._seen = Outboxes(oldest=ages)


def _ends(keys: Path) -> dict[MailboxName, datetime]:
    ends: dict[MailboxName, datetime] = {}
    for key in keys_in_use(load_ring(keys)):
        ends[key.owner] = max(key.not_after, ends.get(key.owner, key.not_after))
    return ends
