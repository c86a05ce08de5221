"""Folder changes: the kernel reports what appears in a folder (inotify(7)), so nobody must poll.

One inotify instance serves all agencies of a process, with one watch for each of their folders. A
folder that cannot be watched is looked into every second; the log says why, once for each reason.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from schemas.problem import AxisError, Problem
from schemas.term import Term, of_os, term

if TYPE_CHECKING:
    from asyncinotify import Event, Inotify, Watch

UNWATCHED_LOOK_SECONDS = 1.0
MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = ("9p", "afs", "ceph", "cifs", "fuse", "glusterfs", "gpfs", "lustre", "ncp", "nfs", "smb")
"""How the names of file systems begin on which other machines change files, which this kernel does
not see. File systems of programs (FUSE) count too, because most of them lead to other machines."""


class FolderChanges:
    """What the kernel reports about one folder. Used inside the event loop only.

    Args:
        warn: Called once in the process with each reason why a folder cannot be watched.
    """

    def __init__(self, folder: Path, *, agency: str, warn: Callable[[Problem], None]) -> None:
        self.folder = folder
        self._agency = agency
        self._warn = warn
        self._moved_in: set[str] = set()
        self._waiting: set[asyncio.Future[None]] = set()
        self._watched: tuple[int, int] | None = None
        self._watch: Watch | None = None

    async def wait(self, *, at_most: float | None = None) -> None:
        """Wait until something changes after this call, or so many seconds."""
        if not self._is_watched():
            at_most = min(at_most or UNWATCHED_LOOK_SECONDS, UNWATCHED_LOOK_SECONDS)
        told = asyncio.get_running_loop().create_future()
        self._waiting.add(told)
        try:
            async with asyncio.timeout(at_most):
                await told
        except TimeoutError:
            return
        finally:
            self._waiting.discard(told)

    def take_moved_in(self) -> set[str]:
        """The names that were renamed into the folder since the last call, and not written to."""
        taken, self._moved_in = self._moved_in, set()
        return taken

    @property
    def watched(self) -> bool:
        """Whether the kernel watches the folder."""
        return self._watched is not None

    def close(self) -> None:
        """Stop to watch."""
        if self._watch is not None:
            _Kernel.of_process().unwatch(self._watch, self)
            self._watch = None

    def tell(self, event: "Event") -> None:
        """Take one report of the kernel, and wake whoever waits."""
        from asyncinotify import Mask  # noqa: PLC0415 (it looks for the C library)

        name = str(event.name) if event.name is not None else ""
        if event.mask & Mask.MOVED_TO:
            self._moved_in.add(name)
        elif event.mask & (Mask.CREATE | Mask.CLOSE_WRITE):
            self._moved_in.discard(name)
        elif event.mask & (Mask.IGNORED | Mask.UNMOUNT | Mask.MOVE_SELF | Mask.Q_OVERFLOW):
            self._watched = None
        for told in self._waiting:
            if not told.done():
                told.set_result(None)

    def _is_watched(self) -> bool:
        """Whether the folder is watched. If another folder is there now, it is watched from now."""
        try:
            stat = self.folder.stat()
            if self._watched != (stat.st_dev, stat.st_ino):
                self.close()
                _refuse_remote(stat.st_dev)
                self._watch = _Kernel.of_process().watch(self)
                self._watched = stat.st_dev, stat.st_ino
        except FileNotFoundError:
            # The agency's folders are missing; the next look into the outbox reports it.
            return False
        except _RemoteError as error:
            self._unwatched(error.name, term("remote_files", name=error.name))
            return False
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EMFILE}
            self._unwatched(str(error.errno), term("watches_full") if full else of_os(error))
            return False
        return True

    def _unwatched(self, reason: str, cause: Term) -> None:
        if _Kernel.of_process().is_news(reason):
            problem = AxisError.of("E_OUTBOX_NOT_WATCHED", agency=self._agency, cause=cause)
            self._warn(problem.problem)


class _RemoteError(Exception):
    """The folder is on a file system, named `name`, on which other machines may change files."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Kernel:
    """The one inotify instance of a process."""

    _of_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Kernel]" = WeakKeyDictionary()

    def __init__(self) -> None:
        self._told: dict[Watch, set[FolderChanges]] = {}
        self._reading: tuple[Inotify, asyncio.Task[None]] | None = None
        self._reasons: set[str] = set()

    @classmethod
    def of_process(cls) -> "_Kernel":
        """The instance of the running event loop, of which each process has one."""
        return cls._of_loop.setdefault(asyncio.get_running_loop(), cls())

    def watch(self, changes: FolderChanges) -> "Watch":
        """Report what appears in a folder. Raises `OSError`: the kernel allows no more watches."""
        try:
            from asyncinotify import Inotify, Mask  # noqa: PLC0415 (it looks for the C library)

            if self._reading is None:
                inotify = Inotify(cache_size=64)
                self._reading = inotify, asyncio.create_task(self._read(inotify), name="inotify")
        except (ImportError, RuntimeError, AttributeError) as error:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from error
        inotify, _ = self._reading
        appears = Mask.MOVED_TO | Mask.CLOSE_WRITE | Mask.CREATE | Mask.ATTRIB
        watch = inotify.add_watch(changes.folder, appears | Mask.MOVE_SELF | Mask.ONLYDIR)
        # One folder has one watch, also for a second endpoint that follows the first.
        self._told.setdefault(watch, set()).add(changes)
        return watch

    def unwatch(self, watch: "Watch", changes: FolderChanges) -> None:
        """Stop to report to it. The inotify instance ends with its last watch."""
        others = self._told.get(watch, set())
        others.discard(changes)
        if others or self._reading is None:
            return
        self._told.pop(watch, None)
        inotify, reading = self._reading
        with suppress(OSError):
            inotify.rm_watch(watch)
        if not self._told:
            self._reading = None
            reading.cancel()

    def is_news(self, reason: str) -> bool:
        """Whether this reason is asked about for the first time."""
        if reason in self._reasons:
            return False
        self._reasons.add(reason)
        return True

    async def _read(self, inotify: "Inotify") -> None:
        from asyncinotify import Mask  # noqa: PLC0415 (it looks for the C library)

        try:
            async for event in inotify:
                told = [] if event.watch is None else [self._told.get(event.watch, set())]
                if event.mask & Mask.Q_OVERFLOW:
                    # There was more to report than the kernel keeps: everybody has to look.
                    told = list(self._told.values())
                for changes in list(chain.from_iterable(told)):
                    changes.tell(event)
        finally:
            # Not before, because until now the event loop waits for this file.
            inotify.close()


def _refuse_remote(device: int) -> None:
    """Raise `_RemoteError` for a file system of which the kernel does not see every change."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for mount in mounts.splitlines():
        before, _, after = mount.partition(" - ")
        if before.split()[2] == number and after.startswith(_REMOTE):
            raise _RemoteError(after.split()[0])
