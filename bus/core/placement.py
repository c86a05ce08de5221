"""Placement: how many workers there are, and which of them serves which mailbox."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NewType

from schemas.identifiers import MailboxName

WorkerName = NewType("WorkerName", str)
"""Which worker of how many: `1/2`."""


def workers_for(asked: int, *, processors: int, mailboxes: int) -> tuple[WorkerName, ...]:
    """The workers of an axis: as many as asked for, never more than mailboxes, at least one.

    Args:
        asked: 0 asks for one a processor.
    """
    count = max(1, min(asked or processors, mailboxes))
    return tuple(WorkerName(f"{index + 1}/{count}") for index in range(count))


def share(
    mailboxes: Iterable[MailboxName],
    workers: Iterable[WorkerName],
    *,
    placed: Mapping[MailboxName, WorkerName],
) -> dict[MailboxName, WorkerName]:
    """The worker of every mailbox: those that are placed stay, others go where the fewest are.

    A mailbox never moves while the axis runs: two workers at work on one would give the same names
    in its folders. With nobody placed yet it is the position in the sorted list that decides.
    """
    places = dict(placed)
    loads = Counter(dict.fromkeys(workers, 0))
    loads.update(places.values())
    for mailbox in sorted(set(mailboxes) - places.keys()):
        worker = min(loads, key=loads.__getitem__)
        places[mailbox] = worker
        loads[worker] += 1
    return places
