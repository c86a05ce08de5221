"""Ring: what the key folder of a home amounts to: whom to believe, and with what to sign.

A wrong file stops the start with one sentence; `describe` tells of all of them instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from bus.core.keyring import CertifiedKey, KeyRing, certify
from bus.core.signing import SigningKey
from bus.keys.authority import DEVELOPMENT
from bus.keys.folder import FiledKey, KeyFolder
from bus.keys.revocation_shelf import FolderRevocationShelf
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, DocumentError, Place, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRow:
    """One line of `lienthong keys show`.

    Attributes:
        file: Name of the certificate's file.
        key: Absent when the certificate cannot be believed.
        days_left: Whole days until it ends, negative afterwards.
        development: Issued by a development authority.
        has_private_key: A private key lies beside it.
        problem: Why the certificate, or the private key beside it, cannot be used.
    """

    owner: MailboxName
    file: str
    key: CertifiedKey | None
    days_left: int | None
    development: bool
    has_private_key: bool
    problem: Problem | None


def load_ring(folder: Path) -> KeyRing:
    """All certificates of a home, the ended ones too: what they signed in time still counts.

    Raises:
        ConfigurationError: One cannot be read or is not trusted (E_KEYS).
    """
    files = KeyFolder(folder)
    authorities = files.authorities()
    known = FolderRevocationShelf(folder).load()
    return KeyRing(
        (_certified(filed, authorities) for filed in files.filed()),
        known.revocations,
        known.assurances,
    )


def load_signing_key(folder: Path, owner: MailboxName, *, now: datetime) -> SigningKey:
    """The owner's key pair that is valid now; of several, the youngest.

    Raises:
        ConfigurationError: There is none, or it cannot be used (E_KEYS).
    """
    files = KeyFolder(folder)
    authorities = files.authorities()
    pairs = [
        (filed, _certified(filed, authorities))
        for filed in files.filed_under(owner)
        if filed.has_private_key
    ]
    valid = [pair for pair in pairs if pair[1].is_valid_at(now)]
    if not valid:
        cause = "no certificate with its private key is here that is valid now"
        raise AxisError.of("E_KEYS", agency=owner, cause=cause)
    return _signing_key(*max(valid, key=lambda pair: pair[1].not_before))


def describe(folder: Path, *, now: datetime) -> tuple[KeyRow, ...]:
    """All certificates of a home, also those that cannot be used.

    Raises:
        ConfigurationError: The authorities cannot be read (E_KEYS).
    """
    files = KeyFolder(folder)
    authorities = files.authorities()
    return tuple(_row(filed, authorities, now=now) for filed in files.filed())


def _row(filed: FiledKey, authorities: Sequence[x509.Certificate], *, now: datetime) -> KeyRow:
    key, problem = None, None
    try:
        key = _certified(filed, authorities)
        if filed.has_private_key:
            _signing_key(filed, key)
    except ConfigurationError as error:
        problem = error.problem
    return KeyRow(
        owner=filed.owner,
        file=filed.path.name,
        key=key,
        days_left=None if key is None else (key.not_after - now).days,
        development=key is not None and DEVELOPMENT in key.issuer,
        has_private_key=filed.has_private_key,
        problem=problem,
    )


def _certified(filed: FiledKey, authorities: Sequence[x509.Certificate]) -> CertifiedKey:
    try:
        return certify(filed.pem(), authorities=authorities, owner=filed.owner)
    except DocumentError as error:
        raise _unusable(filed.path, filed.owner, error.problem.params["cause"]) from error


def _signing_key(filed: FiledKey, key: CertifiedKey) -> SigningKey:
    private_key = filed.private_key()
    if private_key.public_key() != key.public_key:
        raise _unusable(
            filed.private_key_path, filed.owner, "the private key is not that of its certificate"
        )
    return SigningKey(
        private_key=private_key, thumbprint=key.thumbprint, algorithm=key.algorithms[0]
    )


def _unusable(path: Path, owner: MailboxName, cause: str) -> AxisError:
    return AxisError.of("E_KEYS", place=Place(file=path.name), agency=owner, cause=cause)
