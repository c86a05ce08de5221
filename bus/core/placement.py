"""Placement: how many workers there are, and which of them serves which mailbox."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NewType

from schemas.identifiers import MailboxName

WorkerName = NewType("WorkerName", str)
"""The name of a worker: unique among all workers of one database, the same after a restart."""


def worker_count(asked: int, *, processors: int, mailboxes: int) -> int:
    """The number of workers of one home: as asked, never more than mailboxes, at least one.

    Args:
        asked: 0 asks for one worker for each processor.
    """
    return max(1, min(asked or processors, mailboxes))


def place(
    workers: Mapping[WorkerName, Collection[MailboxName]],
    *,
    held: Mapping[MailboxName, WorkerName],
) -> dict[MailboxName, WorkerName]:
    """Decide which worker serves which mailbox.

    Every worker that is given the same arguments comes to the same answer, so the workers need not
    talk to each other. A mailbox stays with its holder, unless the holder has at least two
    mailboxes more than another worker that can serve it: then the mailbox moves there.

    Args:
        workers: The live workers, each with the mailboxes that it can serve.
        held: The mailboxes that are served now, each with its worker.
    """
    able: dict[MailboxName, list[WorkerName]] = {}
    for worker in sorted(workers):
        for mailbox in workers[worker]:
            able.setdefault(mailbox, []).append(worker)
    places = {m: held[m] for m in able if held.get(m) in able[m]}
    loads = Counter(dict.fromkeys(workers, 0))
    loads.update(places.values())
    for mailbox in sorted(able.keys() - places.keys()):
        places[mailbox] = min(able[mailbox], key=loads.__getitem__)
        loads[places[mailbox]] += 1
    for mailbox in sorted(held.keys() & places.keys()):
        before, least = places[mailbox], min(able[mailbox], key=loads.__getitem__)
        if loads[before] - loads[least] > 1:
            places[mailbox] = least
            loads[before] -= 1
            loads[least] += 1
    return places


@dataclass(frozen=True, kw_only=True, slots=True)
class Renewal:
    """What a worker learns when it renews its leases.

    Attributes:
        taken: The mailboxes whose leases it has now and did not hold: it starts to serve them.
        lost: The mailboxes that it held and another worker serves now: it stops at once.
        moving: The mailboxes that it holds and another worker shall serve: it finishes what is
            under way and releases them.
    """

    taken: frozenset[MailboxName] = frozenset()
    lost: frozenset[MailboxName] = frozenset()
    moving: frozenset[MailboxName] = frozenset()


def renewal(
    worker: WorkerName,
    *,
    workers: Mapping[WorkerName, Collection[MailboxName]],
    siblings: Collection[WorkerName],
    leases: Mapping[MailboxName, WorkerName],
    holding: Collection[MailboxName],
) -> Renewal:
    """Decide what one worker takes, has lost and gives up.

    Args:
        workers: The live workers, this one included, each with the mailboxes that it can serve.
        siblings: Workers that are starting beside this one and are not live yet. They get their
            share from the beginning, so that no mailbox moves right after the start.
        leases: The leases of live workers, by mailbox.
        holding: The mailboxes that this worker serves.
    """
    expected = {**dict.fromkeys(siblings, workers[worker]), **workers}
    places = place(expected, held=leases)
    mine = frozenset(mailbox for mailbox, owner in places.items() if owner == worker)
    free = frozenset(m for m in mine if leases.get(m, worker) == worker)
    lost = frozenset(m for m in holding if leases.get(m, worker) != worker)
    kept = frozenset(holding) - lost
    return Renewal(taken=free - kept, lost=lost, moving=kept - mine)
