"""DirectoryProof: the signature of the directory snapshot, and that time does not run backwards.

Whoever writes the directory decides who exists and which mailbox gets whose documents. So it is
signed by the directory authority, as envelopes are by agencies, and a snapshot that is older than
one that was here is refused, however well it is signed.
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
        ring: The certificates of the directory authority; of nobody else.
        key: With what it signs; absent where the directory is only read. Raises
            `ConfigurationError` E_KEYS when it cannot be used.
    """

    ring: KeyRing
    key: Callable[[], SigningKey] | None = None


class Seen(Value):
    """The newest snapshot that was here.

    Attributes:
        version: 0: none yet.
        sha256: Of its bytes.
    """

    version: int = 0
    sha256: str = ""


def seen(directory: Directory, data: bytes) -> Seen:
    """What is remembered of a snapshot."""
    return Seen(version=directory.version, sha256=sha256(data).hexdigest())


def prove_directory(
    data: bytes, signatures: Sequence[str], *, trust: DirectoryTrust, now: datetime
) -> Verified:
    """Prove that the directory authority signed a snapshot.

    Args:
        data: The snapshot.
        signatures: That of this snapshot and, while it is being replaced, of another; any order.
        trust: Who may sign it.
        now: The time of the judgement.

    Raises:
        ConfigurationError: E_DIRECTORY_SIGNATURE; none of them is good.
    """
    cause = term("none_there")
    for signature in signatures:
        try:
            return verify(data, signature, keys=trust.ring, now=now, limit=MAX_DIRECTORY_BYTES)
        except DocumentError as error:
            # The first is that of this snapshot, unless somebody replaces it just now.
            if signature == signatures[0]:
                cause = error.problem.because
    raise AxisError.of("E_DIRECTORY_SIGNATURE", cause=cause)


def check_progress(found: Seen, *, newest: Seen) -> None:
    """Refuse to go back.

    Raises:
        ConfigurationError: E_DIRECTORY_ROLLBACK; it is older than one that was here, or is
            another one of the same version.
    """
    if found.version < newest.version or (
        found.version == newest.version and found.sha256 != newest.sha256
    ):
        raise AxisError.of("E_DIRECTORY_ROLLBACK", version=found.version, seen=newest.version)
