"""Leases: which worker serves which mailbox, agreed on by all workers of one database."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Protocol

from bus.core.placement import Renewal, WorkerName
from schemas.identifiers import MailboxName

LEASE = timedelta(seconds=6)
"""How long the leases of a worker last after it renewed them. A worker that dies is replaced when
they expire, which leaves four of the ten seconds of the design (section 7) for the start."""


class Leases(Protocol):
    """The leases of mailboxes. Time is the database's: the clocks of machines may differ.

    Raises `TransportError` E_STORE_AWAY when it cannot answer; then leases are as they were.
    """

    async def renew(
        self,
        worker: WorkerName,
        *,
        serves: Collection[MailboxName],
        holding: Collection[MailboxName],
        siblings: Collection[WorkerName] = (),
        serving: int = 0,
    ) -> Renewal:
        """Renew the leases of a worker, and take those that it shall have, in one transaction.

        As `core.placement.renewal` decides. Two workers never hold one mailbox at the same time. A
        lease that the worker no longer names and does not take is given back.

        Args:
            serves: The mailboxes that this worker can serve.
            holding: The mailboxes that it serves now.
            siblings: Workers that are starting beside it and are not live yet.
            serving: How many adapters of the worker run.
        """

    async def leave(self, worker: WorkerName) -> None:
        """Give every lease of a worker back; it is no longer live."""

    async def serving(self) -> Mapping[WorkerName, int]:
        """The live workers, each with the number of its adapters that run."""
