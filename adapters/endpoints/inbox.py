"""Inbox: puts deliveries into an agency's hands exactly once, whatever crashes in between.

Staged file, synced → mark, a link that names it → rename into the inbox, synced. The rename takes
the staged file away, so a mark that points at nothing means: handed over, wherever the agency has
moved the file since. Blocking; `folder` calls it in threads.

The mark is not synced by itself: journaling file systems (ext4, XFS, Btrfs, APFS) bring changes of
names to disk in their order, so the sync after the rename covers it.
"""

import os
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
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)

    def hand_over(self, parcel: Parcel) -> None:
        """Let the parcel appear, whole and durable, unless it has appeared before."""
        mark = self._mark(parcel.delivery_id)
        try:
            staged = os.path.join(self._staging.folder, os.readlink(mark))  # noqa: PTH115, PTH118
        except FileNotFoundError:
            written = self._staging.write(parcel.chunks)
            os.symlink(written.name, mark)  # noqa: PTH211
            staged = str(written)
        folder = self._folders[parcel.kind]
        try:
            os.rename(staged, folder / free_name(folder, parcel.name))  # noqa: PTH104
        except FileNotFoundError:
            if os.path.exists(staged) or not folder.is_dir():  # noqa: PTH110
                raise
            return
        sync_folder(folder)

    def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark: somebody else remembers now."""
        Path(self._mark(delivery_id)).unlink(missing_ok=True)

    def _mark(self, delivery_id: DeliveryId) -> str:
        return f"{self._staging.folder}/{delivery_id}"
