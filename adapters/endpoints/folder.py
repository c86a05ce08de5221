"""Folder endpoint: an agency's system exchanges files through folders.

`outbox` → `sent` or `refused` (with `<name>.error.json`); `inbox/documents`, `inbox/statuses`.
"""

import asyncio
import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from adapters.contract import Answer, EndpointContext, Offer, Parcel, Submission
from adapters.endpoints.arrivals import oldest_waiting, unreadable
from adapters.endpoints.changes import FolderChanges
from adapters.endpoints.folder_checks import FolderError
from adapters.endpoints.inbox import InboxFolder, InboxParcel
from adapters.endpoints.outbox import FileError, Outbox, stays
from adapters.endpoints.parcel_writer import parcel_writer_of_process
from adapters.endpoints.staging import Staging
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, Problem, error_of
from schemas.term import Term, of_os, term

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer


class _FoldersAwayError(OSError):
    """The agency's folders were made before and are not there now: their disk is not mounted.

    Attributes:
        made: The file that says that they were made.
    """

    def __init__(self, made: Path) -> None:
        super().__init__(errno.ENOENT, "folders away")
        self.made = made


class FolderEndpoint:
    """The folders of one agency, in `context.folder`. They are made at the first start.

    They are never made again: folders that vanish belong to a file system that is not mounted now,
    and nobody would see what is put in their place. So the file `made` in `context.state` says
    that they were made. The only setting is `settle`: how many seconds a file that was written in
    place must rest before it is taken, 1 by default.

    Raises:
        ConfigurationError: E_SETTING from the constructor; `settle` is no number of seconds.
        RecipientError: E_ENDPOINT_DOWN from every method, while the folders cannot be used.
    """

    def __init__(self, context: EndpointContext) -> None:
        self._root = context.folder
        self._settle = _settle(context)
        self._known = context.state / "made"
        self._made: tuple[Outbox, InboxFolder] | None = None
        self._changes = FolderChanges(
            self._root / "outbox", agency=context.agency, warn=context.warn
        )
        # One agency's disk must not stop the start of the others.
        with suppress(OSError):
            self._folders()

    async def submissions(self) -> Sequence[Submission]:
        """The complete files in `outbox`, oldest first."""
        with self._reachable():
            outbox, _ = self._folders()
            if self._is_known_empty(outbox):
                outbox.arrivals.resting = None
                return ()
            return await asyncio.to_thread(outbox.arrivals.look, self._changes.take_moved_in())

    def open(self, submission: Submission) -> BinaryIO:
        """Open the very file that was seen, once it is proven that it can be moved away."""
        try:
            outbox, _ = self._folders()
            file = outbox.open(submission)
        except FileNotFoundError:
            raise
        except FileError as error:
            raise error_of(unreadable(submission.name, of_os(error))) from error
        except OSError as error:
            raise self._down(error) from error
        return cast("BinaryIO", BufferedReader(_DroppedFile(file, submission.name)))

    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        """Move the file to `sent`."""
        with self._reachable():
            outbox, _ = self._folders()
            try:
                await asyncio.to_thread(outbox.accept, submission, notices)
            except FileError as error:
                raise error_of(stays(submission.name, error)) from error

    async def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        """Move the file to `refused`, beside its report."""
        with self._reachable():
            outbox, _ = self._folders()
            await asyncio.to_thread(outbox.refuse, submission, problems)

    async def offer(self, parcel: Parcel) -> Offer:
        """Let the parcel appear in its inbox, once. Then the agency has it."""
        with self._reachable():
            _, inbox = self._folders()
            writer = parcel_writer_of_process()
            await writer.write(InboxParcel(inbox, parcel), device=inbox.device)
        return Offer.COMPLETE

    async def answers(self) -> Sequence[Answer]:
        """None: what has appeared in the inbox is complete."""
        return ()

    async def probe(self, *, sending: bool = False) -> None:
        """Move a file through all folders that are needed."""
        with self._reachable("E_OUTBOX_DOWN" if sending else "E_ENDPOINT_DOWN"):
            outbox, inbox = self._folders()
            await asyncio.to_thread(outbox.probe if sending else inbox.probe)

    async def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark of a delivery."""
        with self._reachable():
            _, inbox = self._folders()
            inbox.forget(delivery_id)

    async def changed(self) -> None:
        """Wait until something appears in `outbox`, or a file there has rested."""
        await self._changes.wait(at_most=self._made[0].arrivals.resting if self._made else None)

    async def oldest_waiting(self) -> datetime | None:
        """Since when the oldest finished file lies in `outbox`; None also while that is away."""
        with suppress(OSError):
            if self._made and self._is_known_empty(self._made[0]):
                return None
        since = await asyncio.to_thread(oldest_waiting, self._root / "outbox")
        return None if since is None else datetime.fromtimestamp(since, UTC)

    async def close(self) -> None:
        """Stop to watch the outbox."""
        self._changes.close()

    def _is_known_empty(self, outbox: Outbox) -> bool:
        """Whether the outbox is empty, and can be asked without a thread.

        It is asked every few seconds for each agency. A folder that the kernel watches is on a disk
        of this machine, which does not keep the event loop waiting. Raises `OSError`.
        """
        return self._changes.watched and outbox.arrivals.is_empty()

    def _folders(self) -> tuple[Outbox, InboxFolder]:
        if self._made is None:
            known = self._known
            if known.exists() and not Staging.is_in(self._root):
                raise _FoldersAwayError(known)
            staging = Staging(self._root)
            self._made = (
                Outbox(self._root, staging, settle=self._settle),
                InboxFolder(self._root, staging),
            )
            known.parent.mkdir(parents=True, exist_ok=True)
            known.touch()
        return self._made

    @contextmanager
    def _reachable(self, code: str = "E_ENDPOINT_DOWN") -> Iterator[None]:
        """Turn any `OSError` inside into the error that the agency's system is away."""
        try:
            yield
        except OSError as error:
            raise self._down(error, code) from error

    def _down(self, error: OSError, code: str = "E_ENDPOINT_DOWN") -> AxisError:
        return AxisError.of(code, agency=self._root.name, cause=self._cause(error))

    def _cause(self, error: OSError) -> Term:
        if isinstance(error, _FoldersAwayError):
            return term("folders_away", path=error.made)
        folder = error.folder if isinstance(error, FolderError) else _folder_of(error)
        if folder is None or not folder.is_relative_to(self._root):
            return of_os(error)
        return term("in_folder", folder=folder.relative_to(self._root.parent), why=of_os(error))


def _settle(context: EndpointContext) -> timedelta:
    try:
        return timedelta(seconds=float(context.settings.get("settle", "1")))
    except (ValueError, OverflowError) as error:
        cause = term("setting_no_number")
        raise AxisError.of("E_SETTING", name="LIENTHONG_SETTLE", cause=cause) from error


class _DroppedFile(FileIO):
    """A file of an outbox. An error in reading it becomes `DocumentError` E_FILE_UNREADABLE."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        with file:
            super().__init__(os.dup(file.fileno()))
        self._dropped_as = name

    def readinto(self, buffer: "Buffer") -> int | None:
        with self._unreadable():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with self._unreadable():
            return super().readall()

    @contextmanager
    def _unreadable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise error_of(unreadable(self._dropped_as, of_os(error))) from error


def _folder_of(error: OSError) -> Path | None:
    """The folder that an error is about; of a move, the folder that cannot be written."""
    names = (error.filename, error.filename2)
    folders = [Path(name).parent for name in names if isinstance(name, str | os.PathLike)]
    return next((f for f in folders if not os.access(f, os.W_OK)), folders[-1] if folders else None)
