"""Inbox: puts deliveries into an agency's hands exactly once, whatever crashes in between.

Staged file, synced → mark, a link that names it → rename into the inbox, synced. The rename takes
the staged file away, so a mark that points at nothing means: handed over, wherever the agency has
moved the file since. Blocking; `folder` calls it in threads.

The mark is not synced by itself: journaling file systems (ext4, XFS) bring changes of names to disk
in their order, so the sync after the rename covers it. That halves the cost of a hand-over.
"""

import threading
from pathlib import Path

from adapters.contract import Parcel, ParcelKind
from adapters.endpoints.naming import free_name
from adapters.endpoints.staging import Staging, sync_folder
from schemas.identifiers import DeliveryId


class Inbox:
    """The folders `inbox/documents` and `inbox/statuses` of one agency."""

    def __init__(self, root: Path, staging: Staging) -> None:
        self._staging = staging
        self._folders = {kind: root / "inbox" / kind for kind in ParcelKind}
        # Names in the inbox are given by this process alone, one at a time.
        self._naming = threading.Lock()
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)

    def hand_over(self, parcel: Parcel) -> None:
        """Let the parcel appear, whole and durable, unless it has appeared before."""
        mark = self._mark(parcel.delivery_id)
        if not mark.is_symlink():
            self._stage(parcel, mark)
        folder = self._folders[parcel.kind]
        with self._naming:
            # exists() looks where the mark points.
            if mark.exists():
                staged = mark.parent / mark.readlink()
                staged.rename(folder / free_name(folder, parcel.name))
        sync_folder(folder)

    def probe(self) -> None:
        """Prove that files can be staged and that the inbox is there. Raises `OSError`."""
        for folder in self._folders.values():
            sync_folder(folder)
        self._staging.write((b"",)).unlink()

    def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark: somebody else remembers now."""
        self._mark(delivery_id).unlink(missing_ok=True)

    def _mark(self, delivery_id: DeliveryId) -> Path:
        return self._staging.folder / delivery_id

    def _stage(self, parcel: Parcel, mark: Path) -> None:
        staged = self._staging.write(parcel.chunks)
        try:
            mark.symlink_to(staged.name)
        except FileExistsError:
            # Another attempt at the same delivery was quicker: its file counts.
            staged.unlink()
