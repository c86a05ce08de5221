"""Ring: what the key folder of a home amounts to: whom to believe, and with what to sign.

A file that cannot be read, or that nobody trusted vouches for, is set aside and told: it never
hurts the other files. `describe` shows it with its reason.
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
from bus.keys.draft import DEVELOPMENT
from bus.keys.files import unusable
from bus.keys.folder import FiledKey, KeyFolder
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
        file: Name of the certificate's file.
        key: Absent when the certificate cannot be believed.
        days_left: Whole days until it ends, negative afterwards.
        development: Issued by a development authority.
        has_private_key: A private key lies beside it, or is in a token.
        in_token: The private key is in a token.
        signs: Its owner signs with it now.
        revocation: That it counts no more, if an operator, a CRL or a responder said so.
        problem: Why the certificate, or the private key beside it, cannot be used.
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
class Believed:
    """What a key folder amounts to.

    Attributes:
        set_aside: E_KEYS for each file that does not count, with its name and the reason.
    """

    ring: KeyRing
    set_aside: tuple[Problem, ...]


def load_ring(folder: Path) -> KeyRing:
    """All certificates of a home, the ended ones too: what they signed in time still counts.

    Raises:
        ConfigurationError: What was revoked cannot be read (E_KEYS).
    """
    return read_folder(folder).ring


def read_folder(folder: Path) -> Believed:
    """As `load_ring`, with the files that were set aside."""
    files = KeyFolder(folder)
    anchors, known = files.anchors(), FolderRevocationStore(folder).load()
    read = _read(files, anchors.certificates)
    ring = KeyRing(
        (key for key in read.values() if isinstance(key, CertifiedKey)),
        (*revocations_here(files), *known.revocations),
        known.assurances,
    )
    wrong = (problem for problem in read.values() if isinstance(problem, Problem))
    return Believed(ring=ring, set_aside=(*anchors.set_aside, *wrong))


def _read(
    files: KeyFolder, authorities: Sequence[x509.Certificate]
) -> Mapping[FiledKey, CertifiedKey | Problem]:
    """Every filed certificate, or why it does not count.

    One key speaks for one owner: of two that have it the one who filed it first. A certificate is
    no secret, so whoever files that of another must not take it away from its owner by that.
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
    """The keys whose end matters: not revoked, and not replaced by those of a real authority."""
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
    """The owner's key pair that counts now; of several real ones the youngest.

    Args:
        known: Thumbprints of the certificates that those who will verify are known to have; None:
            all.

    Raises:
        ConfigurationError: There is none, or it cannot be used (E_KEYS).
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
    """All certificates of a home, also those that cannot be used.

    After them every other file of the folder that cannot be read: trust anchors, filed lists.

    Raises:
        ConfigurationError: What was revoked cannot be read (E_KEYS).
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
        *map(_row_of_file, others),
    )


def _revoked(files: KeyFolder) -> Mapping[str, Revocation]:
    """Everything that is said against certificates, by an operator and by their authorities."""
    known = FolderRevocationStore(files.root).load()
    return strictest((*revocations_here(files), *known.revocations))


def _pair_that_signs(
    pairs: Iterable[_Pair],
    revoked: Mapping[str, Revocation],
    *,
    now: datetime,
    known: Collection[str] | None = None,
) -> _Pair | None:
    """Of the pairs that count the youngest.

    Those of a development authority are out of it for good once a real one is known.
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


def _row_of_file(problem: Problem) -> KeyRow:
    owner = MailboxName(problem.params["agency"])
    return KeyRow(owner=owner, file=problem.place.file or "", problem=problem)


def _certified(filed: FiledKey, authorities: Sequence[x509.Certificate]) -> CertifiedKey:
    try:
        return certify(filed.pem(), authorities=authorities, owner=filed.owner)
    except DocumentError as error:
        raise unusable(filed.path, filed.owner, error.problem.because) from error
