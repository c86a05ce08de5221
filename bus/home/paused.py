"""Paused: the mailboxes that wait because their agency's system cannot be used, for operators."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from adapters.durable_files import replace_file
from bus.core.events import (
    DeliveryHandedOver,
    EndpointPaused,
    EndpointResumed,
    EnvelopeSent,
    Event,
    SendingPaused,
    SendingResumed,
)
from schemas.identifiers import MailboxName
from schemas.problem import Problem
from schemas.value import Value


class Paused(Value):
    """A mailbox that waits, since when, and what is wrong.

    Attributes:
        sending: Documents from the agency wait. Otherwise, documents for it do.
    """

    mailbox: MailboxName
    sending: bool = False
    since: AwareDatetime
    problem: Problem


_LIST = TypeAdapter(tuple[Paused, ...])


class PausedFile:
    """The file of one worker. It is written whole when a mailbox begins or ceases to wait."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._paused: dict[tuple[MailboxName, bool], Paused] = {}

    def note(self, event: Event, *, now: datetime) -> None:
        """Update the file if an event says that a mailbox begins or ceases to wait."""
        match event:
            case EndpointPaused(mailbox=mailbox, problem=problem):
                self._paused[mailbox, False] = Paused(mailbox=mailbox, since=now, problem=problem)
            case SendingPaused(mailbox=mailbox, problem=problem):
                self._paused[mailbox, True] = Paused(
                    mailbox=mailbox, sending=True, since=now, problem=problem
                )
            case SendingResumed(mailbox=mailbox) | EnvelopeSent(mailbox=mailbox):
                if self._paused.pop((mailbox, True), None) is None:
                    return
            case EndpointResumed(mailbox=mailbox) | DeliveryHandedOver(mailbox=mailbox):
                # A hand-over ends the pause too: the worker may have crashed before it resumed.
                if self._paused.pop((mailbox, False), None) is None:
                    return
            case _:
                return
        self.save()

    def save(self) -> None:
        """Write the file; at the start its list is empty."""
        paused = _LIST.dump_json(tuple(self._paused.values()), exclude_defaults=True)
        # The file only informs: a full disk must not stop the worker.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, paused, synced=False)


def load_paused(folder: Path) -> tuple[Paused, ...]:
    """The mailboxes that wait, from the files of all workers of a home."""
    found: list[Paused] = []
    for path in sorted(folder.glob("*.json")):
        # A file that is gone or incomplete is left out: it only informs.
        with suppress(FileNotFoundError, ValidationError):
            found.extend(_LIST.validate_json(path.read_bytes()))
    return tuple(found)
