"""Read the submissions of an agency's system, in any installed format."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from adapters.contract import Endpoint, Format, Limits, Submission
from adapters.formats.origin import marked
from adapters.registry import unrecognised
from bus.core.bounds import refuse_names
from bus.core.pending_files import PendingFiles
from bus.core.routing import Routing
from bus.core.stream import keep
from bus.ports import AttachmentStore, Clock, FormatApart
from schemas.document import Document
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, DocumentError, InternalError, RecipientError, TransportError
from schemas.reading import Reading, SignatureOutcome, Source
from schemas.secrecy import refuse_secret
from schemas.vietnam import day_in_vietnam

_HEAD_BYTES = 4096

Read = tuple[Reading, Source | None]
"""The result of reading, and the stored original bytes, if they must be kept (wire contract)."""


@dataclass(kw_only=True)
class SubmissionReader:
    """Reads the submissions of one agency.

    Attributes:
        apart: Formats that run in other processes. They are tried last, for one file at a time.
        routing: Returns the current directory.
        slots: Limits how many files all adapters of the process read at once.
        stop: Set when the service stops.
    """

    mailbox: MailboxName
    endpoint: Endpoint
    formats: Sequence[Format]
    limits: Limits
    routing: Callable[[], Routing]
    clock: Clock
    slots: asyncio.Semaphore
    stop: asyncio.Event
    apart: Sequence[FormatApart] = ()
    _alone: asyncio.Semaphore = field(default_factory=asyncio.Semaphore, init=False)

    async def read(self, submission: Submission, files: AttachmentStore) -> Read:
        """Read a submission; its attachments are stored in `files`.

        Raises:
            DocumentError: It cannot be read, or must not be sent (E_TOO_LARGE, E_UNRECOGNISED,
                a secrecy mark, …).
            FileNotFoundError: The agency has removed it.
            RecipientError, TransportError: The endpoint or the store is away.
        """
        async with self.slots:
            taken = await asyncio.to_thread(self._read, submission, files)
        if taken is None:
            # Without a slot, because a format that hangs would keep it.
            async with self._alone:
                taken = await asyncio.to_thread(self._read_apart, submission, files)
        return taken

    def _read(self, submission: Submission, files: AttachmentStore) -> Read | None:
        """Read the file; None when only a format in another process can be its format."""
        with open_submission(self.endpoint, submission) as file:
            if submission.size > self.limits.max_packet_bytes:
                limit = self.limits.max_packet_bytes
                raise AxisError.of("E_TOO_LARGE", size=submission.size, limit=limit)
            head = _head_of(file)
            for candidate in self.formats:
                if candidate.recognises(head, submission.name):
                    return self._read_as(candidate, file, files)
        if self.apart:
            return None
        raise unrecognised(submission.name, [each.name for each in self.formats])

    def _read_apart(self, submission: Submission, files: AttachmentStore) -> Read:
        """Read the file in a format that runs in another process.

        A format that fails in `recognises` is treated as if it did not recognise the file, because
        the file may have another format. Its process reports the failure. The agency's own format
        is an exception, because the file probably has that format.
        """
        own = self.routing().owner_of(self.mailbox).format
        with open_submission(self.endpoint, submission) as file:
            head = _head_of(file)
            for each in self.apart:
                try:
                    candidate = each.introduced()
                    recognised = candidate.recognises(head, submission.name)
                except (TransportError, InternalError):
                    # A format that ended because the service stops might have recognised it.
                    if each.name == own or self.stop.is_set():
                        raise
                    continue
                if recognised:
                    return self._read_as(candidate, file, files)
        tried = [*(each.name for each in self.formats), *(each.name for each in self.apart)]
        raise unrecognised(submission.name, tried)

    def _read_as(self, chosen: Format, file: BinaryIO, files: AttachmentStore) -> Read:
        """Read the file, and store the original bytes where they must be kept."""
        reading = marked(self._take(chosen, file, files), chosen.name)
        signed = reading.signature.outcome is not SignatureOutcome.UNVERIFIABLE
        if not (signed or reading.repaired):
            return reading, None
        file.seek(0)
        kept = keep(file, files)
        return reading, Source(format=chosen.name, size=kept.size, sha256=kept.sha256)

    def _take(self, chosen: Format, file: BinaryIO, files: AttachmentStore) -> Reading:
        """Read the message, and store all its attachments, or none after an error."""
        pending = PendingFiles(files)
        try:
            reading = chosen.read(
                file, sink=pending, limits=self.limits, today=day_in_vietnam(self.clock())
            )
            if isinstance(reading.message, Document):
                refuse_secret(reading.message)
                refuse_names(reading.message.attachments)
                pending.require(reading.message.attachments)
            pending.keep_all()
        finally:
            pending.discard_all()
        return reading


class EndpointFaultError(Exception):
    """An endpoint raised an error that its contract does not allow."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def open_submission(endpoint: Endpoint, submission: Submission) -> BinaryIO:
    """Open a submission. Blocking.

    Raises:
        FileNotFoundError, DocumentError, RecipientError: As `Endpoint.open` says.
        EndpointFaultError: Any other error; it is no reason to refuse the file.
    """
    try:
        return endpoint.open(submission)
    except (FileNotFoundError, DocumentError, RecipientError):
        raise
    except Exception as error:
        raise EndpointFaultError(error) from error


def _head_of(file: BinaryIO) -> bytes:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    return head
