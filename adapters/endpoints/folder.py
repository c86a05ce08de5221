"""Folder endpoint: an agency's system exchanges files through folders.

`outbox` → `sent` or `refused` (with `<name>.error.json`); `inbox/documents`, `inbox/statuses`.
"""

import asyncio
import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from adapters.contract import Parcel, Submission
from adapters.endpoints.inbox import HandOver, Inbox
from adapters.endpoints.outbox import Outbox
from adapters.endpoints.porter import Porter
from adapters.endpoints.staging import Staging
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, Problem
from schemas.term import Term, of_os, term

SETTLE = timedelta(seconds=1)


class _FoldersAwayError(OSError):
    """The agency's folders were here and are not: a disk that is not mounted."""

    def __init__(self, known: Path) -> None:
        super().__init__(errno.ENOENT, "folders away")
        self.known = known


class FolderEndpoint:
    """The folders of one agency, made when they are missing at the start.

    Never again later: folders that vanish belong to a file system that is not mounted now, and
    what is put in their place would be seen by nobody.

    Args:
        root: `<home>/agencies/<code>`.
        known: A folder elsewhere that remembers for whom folders were made, so that a later start
            does not make them again; without one, each start does.
        settle: How long a dropped file must rest before it is taken.
        porter: Shared with the other agencies of the process; else one of its own.

    Raises:
        RecipientError: E_ENDPOINT_DOWN from every method, while the folders cannot be used.
    """

    def __init__(
        self,
        root: Path,
        *,
        settle: timedelta = SETTLE,
        porter: Porter | None = None,
        known: Path | None = None,
    ) -> None:
        self._root = root
        self._settle = settle
        self._known = known and known / root.name
        self._porter = porter or Porter()
        self._made: tuple[Outbox, Inbox] | None = None
        # One agency's disk must not stop the start of the others.
        with suppress(OSError):
            self._folders()

    async def submissions(self) -> Sequence[Submission]:
        """The complete files in `outbox`, oldest first."""
        with self._reachable():
            # Asked a few times a second for every agency: an empty folder costs no thread.
            outbox, _ = self._folders()
            if outbox.is_empty():
                return ()
            return await asyncio.to_thread(outbox.look)

    def open(self, submission: Submission) -> BinaryIO:
        """Open the very file that was seen."""
        try:
            outbox, _ = self._folders()
            return outbox.open(submission)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._down(error) from error

    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        """Move the file to `sent`."""
        with self._reachable():
            outbox, _ = self._folders()
            await asyncio.to_thread(outbox.accept, submission, notices)

    async def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        """Move the file to `refused`, beside its report."""
        with self._reachable():
            outbox, _ = self._folders()
            await asyncio.to_thread(outbox.refuse, submission, problems)

    async def hand_over(self, parcel: Parcel) -> None:
        """Let the parcel appear in its inbox, once."""
        with self._reachable():
            _, inbox = self._folders()
            await self._porter.hand_over(HandOver(inbox, parcel), device=inbox.device)

    async def probe(self) -> None:
        """Write a file aside and take it away again; look for the inbox."""
        with self._reachable():
            _, inbox = self._folders()
            await asyncio.to_thread(inbox.probe)

    async def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark of a delivery."""
        with self._reachable():
            _, inbox = self._folders()
            inbox.forget(delivery_id)

    def _folders(self) -> tuple[Outbox, Inbox]:
        if self._made is None:
            known = self._known
            if known is not None and known.exists() and not Staging.is_in(self._root):
                raise _FoldersAwayError(known)
            staging = Staging(self._root)
            self._made = (
                Outbox(self._root, staging, settle=self._settle),
                Inbox(self._root, staging),
            )
            if known is not None:
                known.parent.mkdir(parents=True, exist_ok=True)
                known.touch()
        return self._made

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """The doorway: a disk that refuses is the agency's system being away."""
        try:
            yield
        except OSError as error:
            raise self._down(error) from error

    def _down(self, error: OSError) -> AxisError:
        return AxisError.of("E_ENDPOINT_DOWN", agency=self._root.name, cause=_cause(error))


def _cause(error: OSError) -> Term:
    if isinstance(error, _FoldersAwayError):
        return term("folders_away", path=error.known)
    return of_os(error)
