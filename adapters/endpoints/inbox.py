"""InboxFolder: puts each delivery into an agency's inbox exactly once, whatever crashes in between.

The order is: write and sync a draft → mark it (a second name of the draft) → rename the draft into
the inbox and sync the folder. The rename takes the draft out of the hidden folder, so a mark alone
means: it has appeared, wherever the agency has moved the file since. Blocking; `parcel_writer`
calls it in threads, for many parcels at a time.

A note about the parcel lies in the inbox as `<name>.check.json` before the parcel does. It waits in
the hidden folder under the delivery's id and gets its name as a second one, so that an attempt that
was cut off between the two is recognised, and goes on with the same name.

The mark is not synced by itself: journaling file systems (ext4, XFS) bring changes of names to disk
in their order, so the sync after the rename covers it. A second name needs no inode of its own, as
a symbolic link would (decision record 0004).
"""

import os
import threading
from contextlib import suppress
from pathlib import Path

from adapters.contract import Parcel, ParcelKind
from adapters.durable_files import sync_folder
from adapters.endpoints.folder_checks import check_folders, errors_of, remove_leftovers
from adapters.endpoints.naming import bare, free_name
from adapters.endpoints.staging import DRAFT_SUFFIX, Staging
from schemas.identifiers import DeliveryId

NOTE_SUFFIX = ".check.json"


class InboxFolder:
    """The folders `inbox/documents` and `inbox/statuses` of one agency.

    Attributes:
        device: The file system they are on.
        naming: Held while a name is chosen. Only this process chooses names in the inbox.
    """

    def __init__(self, root: Path, staging: Staging) -> None:
        self.staging = staging
        self.naming = threading.Lock()
        self.folders = {kind: root / "inbox" / kind for kind in ParcelKind}
        for folder in self.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.folders.values())
        self.device = root.stat().st_dev

    def probe(self) -> None:
        """Prove that files can be staged and appear in each inbox. Raises `FolderError`."""
        check_folders((self.staging.folder, *self.folders.values()))
        for folder in self.folders.values():
            with errors_of(folder):
                sync_folder(folder)
        with errors_of(self.staging.folder):
            self.staging.write((b"",)).unlink()

    def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark and a waiting note of a delivery."""
        (self.staging.folder / delivery_id).unlink(missing_ok=True)
        staged_note(self.staging, delivery_id).unlink(missing_ok=True)


class InboxParcel:
    """One parcel on its way into an inbox: `write`, `start_sync`, `sync`, `appear`, in this order.

    Then its folder must be synced. Every step raises `OSError` as the disk does, and what the
    parcel's chunks raise.

    Raises:
        ValueError: From the constructor; the name of the parcel leads out of the inbox.
    """

    def __init__(self, inbox: InboxFolder, parcel: Parcel) -> None:
        self.folder = inbox.folders[parcel.kind]
        self._inbox = inbox
        self._name = bare(parcel.name)
        self._mark = inbox.staging.folder / bare(parcel.delivery_id)
        self._draft = inbox.staging.draft(parcel.chunks)
        self._note = parcel.note
        self._staged = staged_note(inbox.staging, parcel.delivery_id)

    def write(self, *, most: int | None = None) -> bool:
        """Write the draft, or at most so many bytes more; True: it is complete or not needed."""
        return os.path.lexists(self._mark) or self._draft.write(most=most)

    def start_sync(self) -> None:
        """Let the kernel begin to write the draft to disk."""
        self._draft.start_sync()

    def sync(self) -> None:
        """Wait until the draft is on disk, and the note."""
        self._draft.sync()
        if self._note is not None and not os.path.lexists(self._mark):
            self._stage(self._note)

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
                draft.rename(self.folder / self._named())
                self._staged.unlink(missing_ok=True)

    def _named(self) -> str:
        """Choose the name in the inbox, and put the note beside it."""
        if self._note is not None:
            self._stage(self._note)
        # Also without a note: one whose parcel was taken must not seem to be about this one.
        name = free_name(self.folder, self._name, companion=NOTE_SUFFIX, placed=self._staged)
        if self._note is not None:
            # Where an earlier attempt was cut off, it lies there.
            with suppress(FileExistsError):
                (self.folder / (name + NOTE_SUFFIX)).hardlink_to(self._staged)
        return name

    def _stage(self, note: bytes) -> None:
        """Keep the note in the hidden folder, synced; one of an earlier attempt stays."""
        if not self._staged.exists():
            self._inbox.staging.write([note]).rename(self._staged)


def staged_note(staging: Staging, delivery_id: DeliveryId) -> Path:
    """The file in which a note waits. If it is left over, it is removed as drafts are."""
    return staging.folder / f"{delivery_id}{NOTE_SUFFIX}{DRAFT_SUFFIX}"
