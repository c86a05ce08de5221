"""The folder with the keys and certificates of a home.

    <folder>/authorities/*.pem       trust anchors
    <folder>/agencies/<code>/*.pem   a certificate, followed by its intermediate certificates
    <folder>/agencies/<code>/*.key   its private key (PKCS #8), only where this home signs with it
    <folder>/agencies/<code>/*.pkcs11    instead of it: the URI of a key in a token (RFC 7512)
    <folder>/requests/<code>/*.csr   a request without a certificate yet
    <folder>/requests/<code>/*.key   its private key
    <folder>/revoked.json            revocations by operators (`revocation_store`)
    <folder>/agencies/<code>/sealing its sealing keys (`sealing`)
    <folder>/development.key         the private key of the development authority, if there is one

`bus.core.keyring` decides whether a certificate is trusted.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from bus.core.algorithm import PrivateKey, PublicKey, TokenPrivateKey
from bus.core.keyring import CertifiedKey
from bus.core.signing import SigningKey
from bus.keys.access import KeyAccess
from bus.keys.files import (
    key_errors,
    read_certificates,
    read_private_key,
    read_regular,
    sync_keys,
    unusable,
    write_certificates,
    write_file,
    write_private_key,
)
from bus.keys.token import token_key
from schemas.identifiers import MailboxName
from schemas.limits import MAX_CERTIFICATE_FILE_BYTES
from schemas.problem import ConfigurationError, Problem
from schemas.term import term

SEALING = "sealing"
"""The folder of the sealing keys in the folder of each agency."""

AUTHORITIES = "the authorities"
"""The owner of the trust anchors in error messages."""

_AXIS = "the axis"
_MOST_URI_BYTES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class FiledKey:
    """A certificate in the folder of its owner, perhaps with its private key."""

    owner: MailboxName
    path: Path

    @property
    def private_key_path(self) -> Path:
        """The file of the private key, which may be missing."""
        return self.path.with_suffix(".key")

    @property
    def token_path(self) -> Path:
        """The file with the URI of a private key in a token, which may be missing."""
        return self.path.with_suffix(".pkcs11")

    @property
    def has_private_key(self) -> bool:
        """Whether this home can sign with it."""
        # `Path.exists` raises when the name is too long for the disk.
        return os.path.exists(self.private_key_path) or self.is_in_token  # noqa: PTH110

    @property
    def is_in_token(self) -> bool:
        """Whether the private key is in a token."""
        return os.path.exists(self.token_path)  # noqa: PTH110

    @property
    def filed_at(self) -> int:
        """The time of the file, in nanoseconds."""
        with key_errors(self.path, agency=self.owner):
            return self.path.stat().st_mtime_ns

    def pem(self) -> bytes:
        """The content of the file. Raises `ConfigurationError` E_KEYS."""
        with key_errors(self.path, agency=self.owner):
            return read_regular(self.path, most=MAX_CERTIFICATE_FILE_BYTES)

    def certificate(self) -> x509.Certificate:
        """The certificate, not verified. Raises `ConfigurationError` E_KEYS."""
        return read_certificates(self.path, agency=self.owner)[0]

    def has_key(self, key: PublicKey) -> bool:
        """Whether the certificate has this key; False if it cannot be read."""
        try:
            return self.certificate().public_key() == key
        except ConfigurationError:
            return False

    def private_key(self, access: KeyAccess) -> PrivateKey | TokenPrivateKey:
        """The private key, or the token that has it. Raises `ConfigurationError` E_KEYS."""
        if self.is_in_token:
            with key_errors(self.token_path, agency=self.owner):
                uri = read_regular(self.token_path, most=_MOST_URI_BYTES).decode().strip()
            return token_key(uri, access=access, agency=self.owner)
        passphrase = access.passphrase(agency=self.owner)
        return read_private_key(self.private_key_path, agency=self.owner, passphrase=passphrase)

    def signing_key(self, key: CertifiedKey, access: KeyAccess) -> SigningKey:
        """The private key of this certificate for signing.

        Args:
            key: The verified certificate.

        Raises:
            ConfigurationError: E_KEYS: the private key cannot be used, or belongs to another
                certificate.
        """
        private_key = self.private_key(access)
        if private_key.public_key() != key.public_key:
            path = self.token_path if self.is_in_token else self.private_key_path
            raise unusable(path, self.owner, term("key_not_of_certificate"))
        return SigningKey(
            private_key=private_key, thumbprint=key.thumbprint, algorithm=key.algorithms[0]
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchors:
    """The trust anchors of a home, and E_KEYS for each file that cannot be read."""

    certificates: tuple[x509.Certificate, ...]
    set_aside: tuple[Problem, ...]


class KeyFolder:
    """The key folder of a home. Every method may raise `ConfigurationError` E_KEYS.

    Every call reads the files again.

    Attributes:
        requests: The folder of the requests without certificates.
        revoked: The file with the revocations by operators.
        told_revoked: The file with the answers of CRLs and OCSP responders (`revocation_store`).
        development_certificate: The development authority, one of the trust anchors.
        development_key: Its private key.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests = root / "requests"
        self.revoked = root / "revoked.json"
        self.told_revoked = root / "revocation.json"
        self._authorities = root / "authorities"
        self._agencies = root / "agencies"
        self.development_certificate = self._authorities / "development.pem"
        self.development_key = root / "development.key"

    def stamp(self) -> int:
        """A number that changes when a certificate, a private key or a revocation changes."""
        tops = (self._authorities, self._agencies, self.revoked, self.told_revoked)
        return hash(tuple(seen for top in tops for seen in _seen(top)))

    def quick_stamp(self) -> int:
        """The same without the times of single files, at a tenth of the cost.

        A file of an agency that is written in place does not change it; one that is added, removed
        or replaced by a rename does.
        """
        revocations = (_mark(os.fspath(path)) for path in (self.revoked, self.told_revoked))
        return hash((self.folders_stamp(), *revocations))

    def folders_stamp(self) -> int:
        """A number that changes when a file is added to a folder of certificates, or removed.

        So does a file that a rename replaces, because each changes the time of the folder.
        """
        agencies: list[str] = []
        with suppress(OSError), os.scandir(self._agencies) as entries:
            agencies = sorted(entry.path for entry in entries)
        sealing = (f"{agency}/{SEALING}" for agency in agencies)
        tops = (os.fspath(self._authorities), os.fspath(self._agencies))
        return hash(tuple(map(_mark, (*tops, *agencies, *sealing))))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock of the folder, for all threads and processes; make missing folders.

        At the exit, the names of new files are on the disk.
        """
        folders = (self.root, self._authorities, self._agencies)
        with key_errors(self.root, agency=_AXIS):
            for folder in folders:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.root / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            with key_errors(self.root, agency=_AXIS):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
            for folder in folders:
                sync_keys(folder, agency=_AXIS)
        finally:
            os.close(lock)

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """The trust anchors that can be read."""
        return self.anchors().certificates

    def anchors(self) -> Anchors:
        """The trust anchors, and the files that cannot be read, with the reasons."""
        found: list[x509.Certificate] = []
        set_aside: list[Problem] = []
        for path in sorted(self._authorities.glob("*.pem")):
            try:
                found += read_certificates(path, agency=AUTHORITIES)
            except ConfigurationError as error:
                set_aside.append(error.problem)
        return Anchors(certificates=tuple(found), set_aside=tuple(set_aside))

    def filed(self) -> tuple[FiledKey, ...]:
        """The certificates of all agencies."""
        return tuple(
            FiledKey(owner=MailboxName(unquote(path.parent.name)), path=path)
            for path in sorted(self._agencies.glob("*/*.pem"))
        )

    def filed_under(self, owner: MailboxName) -> tuple[FiledKey, ...]:
        """The certificates of one agency."""
        paths = sorted(self.folder_of(owner).glob("*.pem"))
        return tuple(FiledKey(owner=owner, path=path) for path in paths)

    def file(
        self,
        owner: MailboxName,
        certificates: Sequence[x509.Certificate],
        *,
        key: PrivateKey | None = None,
        key_pem: bytes | None = None,
        token: str | None = None,
        passphrase: bytes | None = None,
    ) -> FiledKey:
        """Add a certificate and its private key.

        The key is written first, so that a crash in between leaves no certificate without its key.

        Args:
            certificates: The certificate, followed by its intermediate certificates.
            key: The private key; or `key_pem`, if it is already PEM.
            token: The URI of the private key in a token.
            passphrase: Encrypts `key`.
        """
        certificate = certificates[0]
        issued, digest = certificate.not_valid_before_utc.date(), certificate.fingerprint(SHA256())
        path = self.folder_of(owner) / f"{issued}-{digest.hex()[:12]}.pem"
        filed = FiledKey(owner=owner, path=path)
        with key_errors(path, agency=owner):
            path.parent.mkdir(mode=0o700, exist_ok=True)
        if key is not None:
            write_private_key(filed.private_key_path, key, agency=owner, passphrase=passphrase)
        if key_pem is not None:
            write_file(filed.private_key_path, key_pem, agency=owner)
        if token is not None:
            write_file(filed.token_path, f"{token}\n".encode(), agency=owner)
        write_certificates(path, certificates, agency=owner)
        return filed

    def file_authority(self, certificate: x509.Certificate) -> Path:
        """Add a trust anchor."""
        path = self._authorities / f"{certificate.fingerprint(SHA256()).hex()[:12]}.pem"
        write_certificates(path, [certificate], agency=_AXIS)
        return path

    def owners(self) -> tuple[MailboxName, ...]:
        """The mailboxes that have a folder here."""
        folders = sorted(path for path in self._agencies.glob("*") if path.is_dir())
        return tuple(MailboxName(unquote(folder.name)) for folder in folders)

    def folder_of(self, owner: MailboxName) -> Path:
        """The folder of one agency."""
        return self._agencies / folder_name(owner)


def folder_name(owner: MailboxName) -> str:
    """The name of an agency's folder: its code, quoted, and never beginning with a dot."""
    name = quote(owner, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _mark(path: str) -> tuple[str, int, int, int] | None:
    """Name, time, size and inode of a file or a folder; None: it cannot be seen."""
    try:
        found = os.stat(path)  # noqa: PTH116 (called for hundreds of folders every second)
    except OSError:
        return None  # absent, removed a moment ago, or a link to itself
    return path, found.st_mtime_ns, found.st_size, found.st_ino


def _seen(path: Path | os.DirEntry[str]) -> Iterator[tuple[str, int, int, int]]:
    """The marks of a file, or of a folder and everything in it.

    Called for thousands of files, so it makes no `Path` of each.
    """
    mark = _mark(os.fspath(path))
    if mark is None:
        return
    yield mark
    is_folder = path.is_dir() if isinstance(path, Path) else path.is_dir(follow_symlinks=False)
    if is_folder:
        with suppress(OSError), os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                yield from _seen(entry)
