"""Inbox: puts deliveries into an agency's hands exactly once, whatever crashes in between.

Staged file, synced → mark, synced → rename into the inbox, synced. The rename takes the staged
file away, so a mark without a staged file means: handed over, wherever the agency has moved it
since. A staged file without a mark is written anew. Blocking; `folder` calls it in threads.
"""

import os
from pathlib import Path

from adapters.contract import Parcel, ParcelKind
from schemas.identifiers import DeliveryId


class Inbox:
    """The folders `inbox/documents` and `inbox/statuses` of one agency."""

    def __init__(self, root: Path) -> None:
        self._staging, self._handed = root / ".staging", root / ".handed"
        self._folders = {kind: root / "inbox" / kind for kind in ParcelKind}
        for folder in (self._staging, self._handed, *self._folders.values()):
            folder.mkdir(parents=True, exist_ok=True)

    def hand_over(self, parcel: Parcel) -> None:
        """Let the parcel appear, whole and durable, unless it has appeared before."""
        staged, mark = self._staging / parcel.delivery_id, self._handed / parcel.delivery_id
        if not mark.exists():
            _write(staged, parcel)
            _sync_folder(self._staging)
            mark.touch()
            _sync_folder(self._handed)
        elif not staged.exists():
            return
        folder = self._folders[parcel.kind]
        staged.rename(folder / _free(folder, parcel.name))
        _sync_folder(folder)

    def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark: somebody else remembers now."""
        (self._handed / delivery_id).unlink(missing_ok=True)


def _write(path: Path, parcel: Parcel) -> None:
    try:
        with path.open("wb") as file:
            for chunk in parcel.chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _free(folder: Path, name: str) -> str:
    """Names are unique by delivery; only a file of the agency's own could stand in the way."""
    path, number, free = Path(name), 1, name
    while (folder / free).exists():
        number += 1
        free = f"{path.stem}-{number}{path.suffix}"
    return free


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
