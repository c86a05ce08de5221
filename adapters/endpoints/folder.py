"""Folder endpoint: an agency's system exchanges files through folders.

`outbox` → `sent` or `refused` (with `<name>.error.json`); `inbox/documents`, `inbox/statuses`.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

SETTLE = timedelta(seconds=1)


class FolderEndpoint:
    """The folders of one agency, made when they are missing.

    Args:
        root: `<home>/agencies/<code>`.
        settle: How long a dropped file must rest before it is taken.
        porter: Shared with the other agencies of the process; else one of its own.

    Raises:
        RecipientError: E_ENDPOINT_DOWN, when the folders cannot be used; also from every method.
    """

    def __init__(
        self, root: Path, *, settle: timedelta = SETTLE, porter: Porter | None = None
    ) -> None:
        self._agency = root.name
        self._porter = porter or Porter()
        with self._reachable():
            staging = Staging(root)
            self._outbox = Outbox(root, staging, settle=settle)
            self._inbox = Inbox(root, staging)

    async def submissions(self) -> Sequence[Submission]:
        """The complete files in `outbox`, oldest first."""
        with self._reachable():
            # Asked a few times a second for every agency: an empty folder costs no thread.
            if self._outbox.is_empty():
                return ()
            return await asyncio.to_thread(self._outbox.look)

    def open(self, submission: Submission) -> BinaryIO:
        """Open the very file that was seen."""
        try:
            return self._outbox.open(submission)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._down(error) from error

    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        """Move the file to `sent`."""
        with self._reachable():
            await asyncio.to_thread(self._outbox.accept, submission, notices)

    async def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        """Move the file to `refused`, beside its report."""
        with self._reachable():
            await asyncio.to_thread(self._outbox.refuse, submission, problems)

    async def hand_over(self, parcel: Parcel) -> None:
        """Let the parcel appear in its inbox, once."""
        with self._reachable():
            hand_over = HandOver(self._inbox, parcel)
            await self._porter.hand_over(hand_over, device=self._inbox.device)

    async def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark of a delivery."""
        with self._reachable():
            self._inbox.forget(delivery_id)

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """The doorway: a disk that refuses is the agency's system being away."""
        try:
            yield
        except OSError as error:
            raise self._down(error) from error

    def _down(self, error: OSError) -> AxisError:
        return AxisError.of(
            "E_ENDPOINT_DOWN", agency=self._agency, cause=error.strerror or type(error).__name__
        )
