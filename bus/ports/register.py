"""The register: the public files that all homes of one database share, with one version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterEntry:
    """One file of the register.

    Attributes:
        name: Its path in a home, for example `keys/agencies/H24/2026-12-01-0a1b2c3d4e5f.pem`.
        body: Its bytes; None: the file was removed.
        version: The version of the register in which it changed.
    """

    name: str
    body: bytes | None
    version: int


class Register(Protocol):
    """The public files of all homes. Raises `TransportError` E_STORE_AWAY when it cannot answer."""

    async def version(self) -> int:
        """The version of the register, which grows with every change; 0: the register is empty."""

    async def since(self, version: int) -> Sequence[RegisterEntry]:
        """The entries that changed after a version, oldest first."""

    async def put(self, changes: Mapping[str, bytes | None], *, after: int) -> int | None:
        """Change entries, all or none.

        Args:
            changes: Name → new bytes; None removes an entry.
            after: The version on which the changes are based.

        Returns:
            The new version. None when the register is newer than `after`: then nothing changed.
        """
