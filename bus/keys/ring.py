"""The trusted certificates in the key folder of a home, and the keys with which it signs.

A file that cannot be read, or that no trusted authority issued, is ignored and reported. `describe`
shows it with the reason.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography import x509

from bus.core.keyring import CertifiedKey, KeyRing, certify
from bus.core.revocation.statement import Revocation, strictest
from bus.core.signing import SigningKey
from bus.keys.access import KeyAccess
from bus.keys.files import unusable
from bus.keys.folder import FiledKey, KeyFolder
from bus.keys.issuance import DEVELOPMENT
from bus.keys.revocation_store import FolderRevocationStore, revocations_here
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, DocumentError, Problem
from schemas.term import Term, term

_OPEN = KeyAccess()
_Pair = tuple[FiledKey, CertifiedKey]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRow:
    """One line of `lienthong keys show`.

    Attributes:
        file: The name of the file.
        key: None if the certificate is not trusted.
        days_left: Whole days until the certificate expires; negative afterwards.
        development: Whether a development authority issued it.
        has_private_key: Whether its private key is in this home or in a token.
        in_token: Whether its private key is in a token.
        signs: Whether its owner signs with this key now.
        revocation: By an operator, a CRL or an OCSP responder.
        problem: Why the certificate or its private key cannot be used; None: both can.
    """

    owner: MailboxName
    file: str
    key: CertifiedKey | None = None
    days_left: int | None = None
    development: bool = False
    has_private_key: bool = False
    in_token: bool = False
    signs: bool = False
    revocation: Revocation | None = None
    problem: Problem | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustedCertificates:
    """The trusted certificates of a key folder, and E_KEYS for each file that is ignored."""

    ring: KeyRing
    set_aside: tuple[Problem, ...]


def load_ring(folder: Path) -> KeyRing:
    """All trusted certificates of a home, including expired ones, whose signatures stay valid.

    Raises:
        ConfigurationError: E_KEYS: the revocations cannot be read.
    """
    return read_folder(folder).ring


def read_folder(folder: Path) -> TrustedCertificates:
    """As `load_ring`, with the files that are ignored."""
    files = KeyFolder(folder)
    anchors, known = files.anchors(), FolderRevocationStore(folder).load()
    read = _read(files, anchors.certificates)
    ring = KeyRing(
        (key for key in read.values() if isinstance(key, CertifiedKey)),
        (*revocations_here(files), *known.revocations),
        known.assurances,
    )
    wrong = (problem for problem in read.values() if isinstance(problem, Problem))
    return TrustedCertificates(ring=ring, set_aside=(*anchors.set_aside, *wrong))


def _read(
    files: KeyFolder, authorities: Sequence[x509.Certificate]
) -> Mapping[FiledKey, CertifiedKey | Problem]:
    """Every stored certificate, or why it is ignored.

    A key has one owner. If a key is stored under two agencies, it belongs to the first one, because
    certificates are public and anybody could store that of another agency.
    """
    read: dict[FiledKey, CertifiedKey | Problem] = {}
    order: list[tuple[int, FiledKey]] = []
    for filed in files.filed():
        try:
            read[filed] = _certified(filed, authorities)
            order.append((filed.filed_at, filed))
        except ConfigurationError as error:
            read[filed] = error.problem
    owners: dict[bytes, MailboxName] = {}
    for _, filed in sorted(order, key=lambda each: (each[0], each[1].path)):
        key = read[filed]
        if isinstance(key, CertifiedKey):
            owner = owners.setdefault(key.encoded, filed.owner)
            if owner != filed.owner:
                cause = term("key_elsewhere", owner=owner)
                read[filed] = unusable(filed.path, filed.owner, cause).problem
    return read


def keys_in_use(ring: KeyRing) -> tuple[CertifiedKey, ...]:
    """The keys that are not revoked, without development keys of owners that have real ones."""
    real = {key.owner for key in ring.values() if not _is_development(key)}
    return tuple(
        key
        for key in ring.values()
        if ring.revocation_of(key.thumbprint) is None
        and not (key.owner in real and _is_development(key))
    )


def load_signing_key(
    folder: Path,
    owner: MailboxName,
    *,
    now: datetime,
    access: KeyAccess = _OPEN,
    known: Collection[str] | None = None,
) -> SigningKey:
    """The key with which an owner signs now: the usable one with the newest certificate.

    Args:
        known: The thumbprints of the certificates that all verifiers have; None: all certificates.

    Raises:
        ConfigurationError: E_KEYS: there is none, or it cannot be used.
    """
    files = KeyFolder(folder)
    authorities, revoked = files.authorities(), _revoked(files)
    pairs: list[_Pair] = []
    wrong: list[ConfigurationError] = []
    for filed in files.filed_under(owner):
        try:
            if filed.has_private_key:
                pairs.append((filed, _certified(filed, authorities)))
        except ConfigurationError as error:
            wrong.append(error)
    pair = _pair_that_signs(pairs, revoked, now=now, known=known)
    if pair is None:
        if wrong and not pairs:
            raise wrong[0]
        raise AxisError.of("E_KEYS", agency=owner, cause=_why_none(pairs, revoked, now=now))
    filed, key = pair
    return filed.signing_key(key, access)


def describe(folder: Path, *, now: datetime, access: KeyAccess = _OPEN) -> tuple[KeyRow, ...]:
    """A row for every certificate of a home, including those that cannot be used.

    Then follows a row for every trust anchor and CRL that cannot be read.

    Raises:
        ConfigurationError: E_KEYS: the revocations cannot be read.
    """
    files = KeyFolder(folder)
    anchors, revoked = files.anchors(), _revoked(files)
    read = _read(files, anchors.certificates)
    rows = [_row(filed, key, revoked, now=now, access=access) for filed, key in read.items()]
    pairs: dict[MailboxName, list[_Pair]] = {}
    for filed, row in zip(read, rows, strict=True):
        if row.key is not None and row.has_private_key:
            pairs.setdefault(row.owner, []).append((filed, row.key))
    chosen = [_pair_that_signs(each, revoked, now=now) for each in pairs.values()]
    signing = {key.thumbprint for _, key in filter(None, chosen)}
    others = (*anchors.set_aside, *FolderRevocationStore(folder).unreadable_lists())
    return (
        *(
            replace(row, signs=row.key is not None and row.key.thumbprint in signing)
            for row in rows
        ),
        *(
            KeyRow(
                owner=MailboxName(each.params["agency"]), file=each.place.file or "", problem=each
            )
            for each in others
        ),
    )


def _revoked(files: KeyFolder) -> Mapping[str, Revocation]:
    """All revocations, by operators and by authorities, by thumbprint."""
    known = FolderRevocationStore(files.root).load()
    return strictest((*revocations_here(files), *known.revocations))


def _pair_that_signs(
    pairs: Iterable[_Pair],
    revoked: Mapping[str, Revocation],
    *,
    now: datetime,
    known: Collection[str] | None = None,
) -> _Pair | None:
    """The usable pair with the newest certificate.

    A development certificate is never used if there is a certificate of a real authority, even if
    that has expired.
    """
    told = [pair for pair in pairs if known is None or pair[1].thumbprint in known]
    real = [pair for pair in told if not _is_development(pair[1])]
    usable = [
        (filed, key)
        for filed, key in real or told
        if key.is_valid_at(now) and not key.revoked_by(revoked)
    ]
    return max(usable, key=lambda pair: (pair[1].not_before, pair[0].filed_at), default=None)


def _why_none(pairs: Sequence[_Pair], revoked: Mapping[str, Revocation], *, now: datetime) -> Term:
    keys = [key for _, key in pairs]
    keys = [key for key in keys if not _is_development(key)] or keys
    if keys and all(key.revoked_by(revoked) for key in keys):
        return term("certificate_revoked")
    ended = [key.not_after for key in keys if not key.revoked_by(revoked)]
    if ended and max(ended) < now:
        return term("certificate_ended", date=f"{max(ended):%Y-%m-%d}")
    return term("certificate_none_valid")


def _is_development(key: CertifiedKey) -> bool:
    return DEVELOPMENT in key.issuer


def _row(
    filed: FiledKey,
    read: CertifiedKey | Problem,
    revoked: Mapping[str, Revocation],
    *,
    now: datetime,
    access: KeyAccess,
) -> KeyRow:
    key, problem = (None, read) if isinstance(read, Problem) else (read, None)
    try:
        if key is not None and filed.has_private_key:
            filed.signing_key(key, access)
    except ConfigurationError as error:
        problem = error.problem
    return KeyRow(
        owner=filed.owner,
        file=filed.path.name,
        key=key,
        days_left=None if key is None else (key.not_after - now).days,
        development=key is not None and _is_development(key),
        has_private_key=filed.has_private_key,
        in_token=filed.is_in_token,
        revocation=None if key is None else key.revoked_by(revoked),
        problem=problem,
    )


def _certified(filed: FiledKey, authorities: Sequence[x509.Certificate]) -> CertifiedKey:
    try:
        return certify(filed.pem(), authorities=authorities, owner=filed.owner)
    except DocumentError as error:
        raise unusable(filed.path, filed.owner, error.problem.because) from error
