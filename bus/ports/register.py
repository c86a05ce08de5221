"""Register: what all homes beside one database must know, with a version for the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterEntry:
    """One file of the register.

    Attributes:
        name: Its path in a home, for example `keys/agencies/H24/2026-12-01-0a1b2c3d4e5f.pem`.
        body: Its bytes; None: it was removed.
        version: The version of the register that it came with.
    """

    name: str
    body: bytes | None
    version: int


class Register(Protocol):
    """The public files of all homes. Raises `TransportError` E_STORE_AWAY when it cannot answer."""

    async def version(self) -> int:
        """The version of the whole: it grows with every change, and is 0 while nothing is there."""

    async def since(self, version: int) -> Sequence[RegisterEntry]:
        """The entries that came after a version, oldest first."""

    async def put(self, changes: Mapping[str, bytes | None], *, after: int) -> int | None:
        """Change entries, all or nothing.

        Args:
            changes: The new bytes by name; None removes an entry.
            after: The version that the changes were made from.

        Returns:
            The new version; None, and nothing is changed, when the register is newer than `after`.
        """
