"""Verify the signature of the directory, and refuse a directory that is older than the last one.

The directory decides which agencies exist and which mailbox gets their documents. Therefore the
directory authority signs it, and an older version is refused even if its signature is valid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bus.core.keyring import KeyRing
from bus.core.signing import SigningKey, Verified, verify
from schemas.directory import Directory
from schemas.limits import MAX_DIRECTORY_BYTES
from schemas.problem import AxisError, DocumentError
from schemas.term import term
from schemas.value import Value


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectoryTrust:
    """Who may sign the directory.

    Attributes:
        ring: Only the certificates of the directory authority.
        key: Returns the key for signing; None where the directory is only read. Raises
            `ConfigurationError` E_KEYS when the key cannot be used.
    """

    ring: KeyRing
    key: Callable[[], SigningKey] | None = None


class KnownVersion(Value):
    """The newest directory that was in use here, by the SHA-256 of its bytes; version 0: none."""

    version: int = 0
    sha256: str = ""


def seen(directory: Directory, data: bytes) -> KnownVersion:
    """The version and digest to remember for a directory."""
    return KnownVersion(version=directory.version, sha256=sha256(data).hexdigest())


def prove_directory(
    data: bytes, signatures: Sequence[str], *, trust: DirectoryTrust, now: datetime
) -> Verified:
    """Verify that the directory authority signed a directory.

    Args:
        data: The bytes of the directory.
        signatures: One of them must be valid. There are two while the directory is being replaced.

    Raises:
        ConfigurationError: E_DIRECTORY_SIGNATURE: none of them is valid.
    """
    cause = term("none_there")
    for signature in signatures:
        try:
            return verify(data, signature, keys=trust.ring, now=now, limit=MAX_DIRECTORY_BYTES)
        except DocumentError as error:
            # The first signature belongs to this directory unless it is just being replaced.
            if signature == signatures[0]:
                cause = error.problem.because
    raise AxisError.of("E_DIRECTORY_SIGNATURE", cause=cause)


def check_progress(found: KnownVersion, *, newest: KnownVersion) -> None:
    """Raise E_DIRECTORY_ROLLBACK for an older directory, or another one of this version."""
    if found.version < newest.version or (
        found.version == newest.version and found.sha256 != newest.sha256
    ):
        raise AxisError.of("E_DIRECTORY_ROLLBACK", version=found.version, seen=newest.version)
