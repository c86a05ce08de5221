"""RegisterSync: keeps the public files of a home and the register equal, in both directions."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from adapters.durable_files import replace_file
from bus.core.register_sync import Synced, compare
from bus.home.public_files import PublicFiles
from bus.ports.register import Register


@dataclass(kw_only=True)
class RegisterSync:
    """The files of one home and the register.

    Attributes:
        synced: The file with their last common state, so that a start knows what has changed.
    """

    register: Register
    files: PublicFiles
    synced: Path

    def __post_init__(self) -> None:
        self._seen: tuple[int, int] | None = None
        self._lock = asyncio.Lock()

    async def look(self) -> None:
        """Copy newer files of the register to this home, and changed files of this home to it.

        Raises:
            TransportError: The store does not answer.
        """
        async with self._lock:
            while not await self._same():
                pass

    async def _same(self) -> bool:
        """Compare once. False: compare again, because the register or the files have changed."""
        version = await self.register.version()
        stamp = await asyncio.to_thread(self.files.stamp)
        if self._seen == (version, stamp):
            return True
        before = await asyncio.to_thread(self._read_synced)
        since = before.version if before.version <= version else 0
        newer = await self.register.since(since)
        outcome = compare(
            before,
            home=await asyncio.to_thread(self.files.read),
            newer=[(entry.name, entry.body) for entry in newer],
            version=version,
        )
        if outcome.put and await self.register.put(outcome.put, after=version) is None:
            return False
        await asyncio.to_thread(self.files.write, outcome.write)
        await asyncio.to_thread(replace_file, self.synced, outcome.synced.to_json())
        self._seen = outcome.synced.version, stamp
        # A write changes the stamp of the files, so they are compared once more.
        return not outcome.write

    def _read_synced(self) -> Synced:
        try:
            return Synced.model_validate_json(self.synced.read_bytes())
        except (FileNotFoundError, ValueError):
            return Synced()
