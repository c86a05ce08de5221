"""KeyFolder: where the key material of one home lies.

    <folder>/authorities/*.pem       trust anchors
    <folder>/agencies/<code>/*.pem   a certificate, followed by the intermediate ones it needs
    <folder>/agencies/<code>/*.key   its private key (PKCS #8), only where this home signs with it
    <folder>/agencies/<code>/sealing its sealing keys; see `sealing`
    <folder>/development.key         private key of the development authority, if there is one

Whether a certificate is believed is judged in `bus.core.keyring`.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from bus.core.algorithm import PrivateKey
from bus.keys.files import (
    doorway,
    read_certificates,
    read_private_key,
    sync_folder,
    write_certificate,
    write_private_key,
)
from schemas.identifiers import MailboxName

_AXIS = "the axis"


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
    def has_private_key(self) -> bool:
        """Whether this home can sign with it."""
        return self.private_key_path.exists()

    def pem(self) -> bytes:
        """The file as it is. Raises `ConfigurationError` E_KEYS."""
        with doorway(self.path, agency=self.owner):
            return self.path.read_bytes()

    def certificate(self) -> x509.Certificate:
        """The certificate itself, unjudged. Raises `ConfigurationError` E_KEYS."""
        return read_certificates(self.path, agency=self.owner)[0]

    def private_key(self) -> PrivateKey:
        """The private key. Raises `ConfigurationError` E_KEYS."""
        return read_private_key(self.private_key_path, agency=self.owner)


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
        with doorway(self.root, agency=_AXIS):
            for folder in folders:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.root / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            with doorway(self.root, agency=_AXIS):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
            for folder in folders:
                sync_folder(folder, agency=_AXIS)
        finally:
            os.close(lock)

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """The trust anchors."""
        paths = sorted(self._authorities.glob("*.pem"))
        return tuple(
            anchor for path in paths for anchor in read_certificates(path, agency="the authorities")
        )

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

    def file(self, owner: MailboxName, certificate: x509.Certificate, key: PrivateKey) -> None:
        """Add a certificate and its private key beside those that are there.

        The key goes first, so that a crash between the two leaves nothing that looks complete.
        """
        issued, digest = certificate.not_valid_before_utc.date(), certificate.fingerprint(SHA256())
        path = self.folder_of(owner) / f"{issued}-{digest.hex()[:12]}.pem"
        with doorway(path, agency=owner):
            path.parent.mkdir(mode=0o700, exist_ok=True)
        write_private_key(path.with_suffix(".key"), key, agency=owner)
        write_certificate(path, certificate, agency=owner)

    def owners(self) -> tuple[MailboxName, ...]:
        """Whose keys are here, of whatever kind."""
        folders = sorted(path for path in self._agencies.glob("*") if path.is_dir())
        return tuple(MailboxName(unquote(folder.name)) for folder in folders)

    def folder_of(self, owner: MailboxName) -> Path:
        """Where everything of one agency lies."""
        # A code may be any text. Quoted it is one folder's name, and never "." or "..".
        name = quote(owner, safe="")
        return self._agencies / (f"%2E{name[1:]}" if name.startswith(".") else name)
