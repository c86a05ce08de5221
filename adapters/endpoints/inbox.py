"""Inbox: puts deliveries into an agency's hands exactly once, whatever crashes in between.

Draft, synced → mark, a second name of the draft → rename of the draft into the inbox, synced. The
rename takes the draft out of the hidden folder, so a mark alone means: handed over, wherever the
agency has moved the file since. Blocking; `porter` calls it in threads, many at a time.

The mark is not synced by itself: journaling file systems (ext4, XFS) bring changes of names to disk
in their order, so the sync after the rename covers it. A second name needs no inode of its own, as
a symbolic link would (decision record 0004).
"""

import os
import threading
from pathlib import Path

from adapters.contract import Parcel, ParcelKind
from adapters.endpoints.naming import free_name
from adapters.endpoints.staging import Staging, sync_folder
from schemas.identifiers import DeliveryId


class Inbox:
    """The folders `inbox/documents` and `inbox/statuses` of one agency.

    Attributes:
        device: The file system they are on.
        naming: Names in the inbox are given by this process alone, one at a time.
    """

    def __init__(self, root: Path, staging: Staging) -> None:
        self.staging = staging
        self.naming = threading.Lock()
        self.folders = {kind: root / "inbox" / kind for kind in ParcelKind}
        for folder in self.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        self.device = root.stat().st_dev

    def probe(self) -> None:
        """Prove that files can be staged and that the inbox is there. Raises `OSError`."""
        for folder in self.folders.values():
            sync_folder(folder)
        self.staging.write((b"",)).unlink()

    def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark: somebody else remembers now."""
        (self.staging.folder / delivery_id).unlink(missing_ok=True)


class HandOver:
    """One parcel on its way into an inbox: `write`, `start_sync`, `sync`, `appear`, in this order.

    Then the folder must be synced. Every step raises `OSError` as the disk does, and what the
    parcel's chunks raise.
    """

    def __init__(self, inbox: Inbox, parcel: Parcel) -> None:
        self.folder = inbox.folders[parcel.kind]
        self._inbox = inbox
        self._name = parcel.name
        self._mark = inbox.staging.folder / parcel.delivery_id
        self._draft = inbox.staging.draft(parcel.chunks)

    def write(self, *, most: int | None = None) -> bool:
        """Write the draft, or `most` bytes more of it; True when it is complete or not needed."""
        return os.path.lexists(self._mark) or self._draft.write(most=most)

    def start_sync(self) -> None:
        """Begin to bring the draft to disk."""
        self._draft.start_sync()

    def sync(self) -> None:
        """Wait until the draft is on disk."""
        self._draft.sync()

    def appear(self) -> None:
        """Mark the draft and move it into the inbox, unless it has appeared before."""
        staging = self._inbox.staging
        with self._inbox.naming:
            try:
                self._mark.hardlink_to(self._draft.path)
                draft: Path | None = self._draft.path
            except (FileExistsError, FileNotFoundError):
                # An earlier attempt has come this far, or another one was quicker: its file counts.
                self._draft.discard()
                draft = staging.draft_of(self._mark)
            except OSError:
                self._draft.discard()
                raise
            if draft is not None:
                draft.rename(self.folder / free_name(self.folder, self._name))
