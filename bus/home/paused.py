"""Paused: which mailboxes wait because their agency's system is away, for operators who ask."""

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
        sending: What its agency sends waits instead.
    """

    mailbox: MailboxName
    sending: bool = False
    since: AwareDatetime
    problem: Problem


_LIST = TypeAdapter(tuple[Paused, ...])


class PausedFile:
    """A small file that is written whole whenever a mailbox begins or ceases to wait."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._paused: dict[tuple[MailboxName, bool], Paused] = {}

    def note(self, event: Event, *, now: datetime) -> None:
        """Take from an event what it says of a mailbox that waits."""
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
                # A hand-over proves it as well, should the worker that paused have crashed.
                if self._paused.pop((mailbox, False), None) is None:
                    return
            case _:
                return
        self.save()

    def save(self) -> None:
        """Write what is known; nothing, at the start."""
        paused = _LIST.dump_json(tuple(self._paused.values()), exclude_defaults=True)
        # It only informs: a full disk must not stop who does the work.
        with suppress(OSError):
            replace_file(self._path, paused, synced=False)

    def load(self) -> tuple[Paused, ...]:
        """Who waits, the longest first; nobody where no axis has run."""
        try:
            return _LIST.validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            # Not there, or cut off: it only informs.
            return ()
