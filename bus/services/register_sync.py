"""RegisterSync: keeps the public files of a home the same as the register, in both directions."""

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
        synced: The file that keeps what both had in common, so that a start can tell what changed.
    """

    register: Register
    files: PublicFiles
    synced: Path

    def __post_init__(self) -> None:
        self._seen: tuple[int, int] | None = None
        self._lock = asyncio.Lock()

    async def look(self) -> None:
        """Bring the newer files of the register here, and the changed files of this home there.

        Raises:
            TransportError: The store is away.
        """
        async with self._lock:
            while not await self._same():
                pass

    async def _same(self) -> bool:
        """Compare once. False: the register has changed meanwhile, and must be read again."""
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
        # After a write the files are looked at once more: their stamp is another one now.
        return not outcome.write

    def _read_synced(self) -> Synced:
        try:
            return Synced.model_validate_json(self.synced.read_bytes())
        except (FileNotFoundError, ValueError):
            return Synced()
