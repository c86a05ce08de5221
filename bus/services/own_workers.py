"""Own workers: whether anybody consumes from the mailboxes that agencies' own workers serve.

The hub sees such a worker only as a consumer at the broker. A mailbox is reported when it had a
consumer since this start or holds a message; one that was never used is no trouble.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from bus.core.gauges import Gauge, Measurement
from bus.core.topology import queues_of
from schemas.identifiers import MailboxName

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueUse:
    """The numbers of one queue, from the broker.

    Attributes:
        messages: Including those that are not acknowledged yet.
    """

    consumers: int
    messages: int


Uses = Callable[[], Awaitable[Mapping[str, QueueUse]]]
"""Raises `TransportError` when the broker does not answer."""


@dataclass(kw_only=True)
class OwnWorkers:
    """Looks at the mailboxes. Looks must not overlap.

    Attributes:
        elsewhere: The mailboxes that are neither served here nor suspended, as it is now.
    """

    uses: Uses
    elsewhere: Callable[[], Iterable[MailboxName]]
    _connected: dict[MailboxName, bool] = field(default_factory=dict, init=False)
    _used: set[MailboxName] = field(default_factory=set, init=False)
    _taken: set[MailboxName] = field(default_factory=set, init=False)
    _holding: set[MailboxName] = field(default_factory=set, init=False)

    async def measure(self) -> Measurement:
        """The result of `look` as a gauge."""
        seen = await self.look()
        return {Gauge.WORKER_CONNECTED: {(mailbox,): float(up) for mailbox, up in seen.items()}}

    async def look(self) -> Mapping[MailboxName, bool]:
        """For each of these mailboxes: whether anybody consumes from it. Changes are logged."""
        elsewhere = set(self.elsewhere())
        uses = await self.uses() if elsewhere else {}
        there = {m for m in elsewhere if any(q in uses for q in queues_of(m))}
        # Two looks in a row, because the check of a new queue consumes there for a moment.
        taken = {m for m in there if _consumers(uses, m)}
        holding = {m for m in there if _waits(uses, m)}
        self._used |= taken & self._taken
        known = there & (self._used | (holding & self._holding))
        seen = {mailbox: mailbox in taken for mailbox in sorted(known)}
        for mailbox, connected in seen.items():
            before = self._connected.get(mailbox)
            if connected and before is False:
                _log.info("agency_worker_returned", mailbox=mailbox)
            elif not connected and before is not False:
                _log.warning("agency_worker_missed", mailbox=mailbox, waits=_waits(uses, mailbox))
        self._connected, self._taken, self._holding = seen, taken, holding
        return seen


def _consumers(uses: Mapping[str, QueueUse], mailbox: MailboxName) -> int:
    return sum(uses[name].consumers for name in queues_of(mailbox) if name in uses)


def _waits(uses: Mapping[str, QueueUse], mailbox: MailboxName) -> int:
    return sum(uses[name].messages for name in queues_of(mailbox) if name in uses)
