"""The directory authority, which signs the directory of a home.

    <folder>/directory/*.pem    its certificates
    <folder>/directory/*.key    their private keys (or `.pkcs11`), only where it is changed

A certificate in that folder is trusted without any other authority. If the operator has stored
none, a development certificate is made on first use.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bus.core.directory_proof import DirectoryTrust
from bus.core.keyring import CertifiedKey, KeyRing, key_of
from bus.core.signing import SigningKey
from bus.keys.access import KeyAccess
from bus.keys.files import key_errors, sync_keys, unusable
from bus.keys.folder import FiledKey, KeyFolder
from bus.keys.issuance import write_self_signed
from bus.keys.revocation_store import revocations_here
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError
from schemas.term import term

AUTHORITY = "the directory authority"

_OWNER = MailboxName(AUTHORITY)


def directory_folder(folder: Path) -> Path:
    """The folder of the directory authority."""
    return folder / "directory"


def open_directory_trust(folder: Path, *, now: datetime, access: KeyAccess) -> DirectoryTrust:
    """Read or make the directory authority of a home. Raises `ConfigurationError` E_KEYS."""
    files = KeyFolder(folder)
    filed = _filed(folder)
    if not filed:
        with files.locked():
            filed = _filed(folder) or _make(folder, now=now, access=access)
    pairs = _readable(filed)
    ring = KeyRing([key for _, key in pairs], revocations_here(files))
    signing = [
        (each, key)
        for each, key in pairs
        if each.has_private_key and not ring.revocation_of(key.thumbprint)
    ]
    if not signing:
        return DirectoryTrust(ring=ring)

    def key() -> SigningKey:
        valid = [pair for pair in signing if pair[1].is_valid_at(now)]
        if not valid:
            raise AxisError.of("E_KEYS", agency=AUTHORITY, cause=term("authority_ended"))
        filed, youngest = max(valid, key=lambda pair: pair[1].not_before)
        return filed.signing_key(youngest, access)

    return DirectoryTrust(ring=ring, key=key)


def _filed(folder: Path) -> list[FiledKey]:
    paths = sorted(directory_folder(folder).glob("*.pem"))
    return [FiledKey(owner=_OWNER, path=path) for path in paths]


def _readable(filed: Sequence[FiledKey]) -> list[tuple[FiledKey, CertifiedKey]]:
    """The files that can be read. Raises the first error if there is none."""
    pairs: list[tuple[FiledKey, CertifiedKey]] = []
    wrong: list[ConfigurationError] = []
    for each in filed:
        try:
            pairs.append((each, _certified(each)))
        except ConfigurationError as error:
            wrong.append(error)
    if wrong and not pairs:
        raise wrong[0]
    return pairs


def _certified(filed: FiledKey) -> CertifiedKey:
    key = key_of(filed.certificate(), owner=_OWNER)
    if key is None:
        raise unusable(filed.path, AUTHORITY, term("authority_key_kind"))
    return key


def _make(folder: Path, *, now: datetime, access: KeyAccess) -> list[FiledKey]:
    place = directory_folder(folder)
    with key_errors(place, agency=AUTHORITY):
        place.mkdir(mode=0o700, exist_ok=True)
    filed = FiledKey(owner=_OWNER, path=place / "development.pem")
    write_self_signed(
        filed.path,
        filed.private_key_path,
        name="Liên Thông DEVELOPMENT directory authority",
        now=now,
        agency=AUTHORITY,
        authority=False,
        passphrase=access.passphrase(agency=AUTHORITY),
    )
    sync_keys(place, agency=AUTHORITY)
    return [filed]
