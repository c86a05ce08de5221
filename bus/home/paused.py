"""Paused: the file that tells operators which mailboxes wait for their agency's system."""

from collections.abc import Callable
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
    Handlers,
    SendingPaused,
    SendingResumed,
)
from schemas.identifiers import MailboxName
from schemas.problem import Problem
from schemas.value import Value


class Paused(Value):
    """A mailbox that waits, since when, and why.

    Attributes:
        sending: Its agency's files wait to be sent; else deliveries to the agency wait.
    """

    mailbox: MailboxName
    sending: bool = False
    since: AwareDatetime
    problem: Problem


_LIST = TypeAdapter(tuple[Paused, ...])


class PausedFile:
    """A small file that is written whole whenever a mailbox is paused or resumed.

    It is an observer: a call with an event takes from it what it says of a paused mailbox.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._paused: dict[tuple[MailboxName, bool], Paused] = {}
        self._handlers = handlers = Handlers()
        handlers.on(EndpointPaused, lambda event: self._pause(event, sending=False))
        handlers.on(SendingPaused, lambda event: self._pause(event, sending=True))
        handlers.on(EndpointResumed, lambda event: self._resume(event, sending=False))
        handlers.on(SendingResumed, lambda event: self._resume(event, sending=True))
        # These prove it as well, if the worker that paused the mailbox has crashed.
        handlers.on(DeliveryHandedOver, lambda event: self._resume(event, sending=False))
        handlers.on(EnvelopeSent, lambda event: self._resume(event, sending=True))

    def __call__(self, event: Event) -> None:
        """Note an event."""
        self._handlers(event)

    def _pause(self, event: EndpointPaused | SendingPaused, *, sending: bool) -> None:
        self._paused[event.mailbox, sending] = Paused(
            mailbox=event.mailbox, sending=sending, since=self._clock(), problem=event.problem
        )
        self.save()

    def _resume(
        self,
        event: EndpointResumed | SendingResumed | DeliveryHandedOver | EnvelopeSent,
        *,
        sending: bool,
    ) -> None:
        if self._paused.pop((event.mailbox, sending), None) is not None:
            self.save()

    def save(self) -> None:
        """Write the paused mailboxes; at the start there are none."""
        paused = _LIST.dump_json(tuple(self._paused.values()), exclude_defaults=True)
        # The file only informs operators: a full disk must not stop the work itself.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, paused, synced=False)


def load_paused(folder: Path) -> tuple[Paused, ...]:
    """The mailboxes of a home that are paused, by all its workers; none if no worker has run."""
    found: list[Paused] = []
    for path in sorted(folder.glob("*.json")):
        # The file may be gone or incomplete; it only informs.
        with suppress(FileNotFoundError, ValidationError):
            found.extend(_LIST.validate_json(path.read_bytes()))
    return tuple(found)
