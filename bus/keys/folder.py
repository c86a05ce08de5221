"""KeyFolder: where the key material of one home lies.

    <folder>/authorities/*.pem       trust anchors
    <folder>/agencies/<code>/*.pem   a certificate, followed by the intermediate ones it needs
    <folder>/agencies/<code>/*.key   its private key (PKCS #8), only where this home signs with it
    <folder>/agencies/<code>/*.pkcs11    in its place: the URI of a key in a token (RFC 7512)
    <folder>/requests/<code>/*.csr   a certificate request that waits for its answer
    <folder>/requests/<code>/*.key   its private key
    <folder>/revoked.json            what an operator has revoked (`revoked`)
    <folder>/agencies/<code>/sealing its sealing keys; see `sealing`
    <folder>/development.key         private key of the development authority, if there is one

Whether a certificate is believed is judged in `bus.core.keyring`.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from bus.core.algorithm import KeyElsewhere, PrivateKey, PublicKey
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

AUTHORITIES = "the authorities"
"""Whose the trust anchors are, in reasons."""

_AXIS = "the axis"
_MOST_URI_BYTES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class FiledKey:
    """A certificate filed under its owner, perhaps with the private key beside it."""

    owner: MailboxName
    path: Path

    @property
    def private_key_path(self) -> Path:
        """Where the private key lies, if it is here."""
        return self.path.with_suffix(".key")

    @property
    def token_path(self) -> Path:
        """Where it is said in which token the private key is, if it is in one."""
        return self.path.with_suffix(".pkcs11")

    @property
    def has_private_key(self) -> bool:
        """Whether this home can sign with it."""
        return _is_there(self.private_key_path) or self.is_in_token

    @property
    def is_in_token(self) -> bool:
        """Whether the private key is in a token."""
        return _is_there(self.token_path)

    @property
    def filed_at(self) -> int:
        """Orders certificates by when they were filed."""
        with key_errors(self.path, agency=self.owner):
            return self.path.stat().st_mtime_ns

    def pem(self) -> bytes:
        """The file as it is. Raises `ConfigurationError` E_KEYS."""
        with key_errors(self.path, agency=self.owner):
            return read_regular(self.path, most=MAX_CERTIFICATE_FILE_BYTES)

    def certificate(self) -> x509.Certificate:
        """The certificate itself, unjudged. Raises `ConfigurationError` E_KEYS."""
        return read_certificates(self.path, agency=self.owner)[0]

    def has_key(self, key: PublicKey) -> bool:
        """Whether the certificate is of this key; one that cannot be read is of none."""
        try:
            return self.certificate().public_key() == key
        except ConfigurationError:
            return False

    def private_key(self, access: KeyAccess) -> PrivateKey | KeyElsewhere:
        """The private key, or the way to it. Raises `ConfigurationError` E_KEYS."""
        if self.is_in_token:
            with key_errors(self.token_path, agency=self.owner):
                uri = read_regular(self.token_path, most=_MOST_URI_BYTES).decode().strip()
            return token_key(uri, access=access, agency=self.owner)
        passphrase = access.passphrase(agency=self.owner)
        return read_private_key(self.private_key_path, agency=self.owner, passphrase=passphrase)

    def signing_key(self, key: CertifiedKey, access: KeyAccess) -> SigningKey:
        """What signs under this certificate.

        Args:
            key: What the certificate says.

        Raises:
            ConfigurationError: The private key cannot be used, or is that of another certificate
                (E_KEYS).
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
    """Whom a home trusts.

    Attributes:
        set_aside: E_KEYS for each file that cannot be read; it vouches for nobody.
    """

    certificates: tuple[x509.Certificate, ...]
    set_aside: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """The files of one home. Every method raises `ConfigurationError` E_KEYS when the disk fails.

    Nothing is remembered: what is read is what lies there now.
    """

    root: Path

    @property
    def development_certificate(self) -> Path:
        """The development authority, one trust anchor among others."""
        return self._authorities / "development.pem"

    @property
    def development_key(self) -> Path:
        """With what the development authority signs."""
        return self.root / "development.key"

    @property
    def revoked(self) -> Path:
        """What an operator has revoked."""
        return self.root / "revoked.json"

    @property
    def requests(self) -> Path:
        """Certificate requests that wait for their answers."""
        return self.root / "requests"

    def stamp(self) -> int:
        """Changes whenever a certificate, a private key or a revocation does."""
        seen = []
        for top in (self._authorities, self._agencies, self.revoked):
            for path in (top, *sorted(top.rglob("*"))):
                try:
                    found = path.stat()
                except OSError:
                    continue  # removed while we look, not there at all, or a link to itself
                seen.append((str(path), found.st_mtime_ns, found.st_size, found.st_ino))
        return hash(tuple(seen))

    @property
    def _authorities(self) -> Path:
        return self.root / "authorities"

    @property
    def _agencies(self) -> Path:
        return self.root / "agencies"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other writer out, thread or process; makes the folders where there are none.

        Names of files written within are on the disk at the exit.
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
        """The trust anchors; a file that cannot be read holds none."""
        return self.anchors().certificates

    def anchors(self) -> Anchors:
        """The trust anchors, and which files were set aside and why."""
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
        """Add a certificate, and how to sign with it, beside those that are there.

        The key goes first, so that a crash between the two leaves nothing that looks complete.

        Args:
            certificates: The certificate, followed by the intermediate ones it needs.
            key: Its private key; as `key_pem`, when it is written already.
            token: The URI of its private key.
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
        """Whose keys are here, of whatever kind."""
        folders = sorted(path for path in self._agencies.glob("*") if path.is_dir())
        return tuple(MailboxName(unquote(folder.name)) for folder in folders)

    def folder_of(self, owner: MailboxName) -> Path:
        """Where everything of one agency lies."""
        return self._agencies / folder_name(owner)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # no disk holds a name that is so long


def folder_name(owner: MailboxName) -> str:
    """A code may be any text: quoted it is one folder's name, and never "." or ".."."""
    name = quote(owner, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name
