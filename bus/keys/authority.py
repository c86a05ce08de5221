"""DevelopmentAuthority: certificates for trying the axis out, with nothing bought or configured.

Created on first use. Its name says DEVELOPMENT in every certificate it issues; in production the
certificates come from a public authority and this one has no file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from bus.core.algorithm import PrivateKey
from bus.core.keyring import OWNER_PREFIX
from bus.keys.files import read_certificates, read_private_key, write_certificate, write_private_key
from bus.keys.folder import FiledKey, KeyFolder
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Place

DEVELOPMENT_NAME = "Lien Thong DEVELOPMENT authority - not for production"

_AGENCY = "the development authority"
_AUTHORITY_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=365)
_RENEWED_AHEAD = timedelta(days=30)
_BACKDATED = timedelta(hours=1)
"""A clock that is a little behind must not find a fresh certificate not yet valid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DevelopmentAuthority:
    """An authority that lives in one folder. Safe to open and use in several processes at once."""

    folder: KeyFolder
    certificate: x509.Certificate
    private_key: PrivateKey = field(repr=False)

    @classmethod
    def open(cls, folder: Path, *, now: datetime) -> "DevelopmentAuthority":
        """The folder's authority, made when there is none.

        Raises:
            ConfigurationError: Its files cannot be used or written (E_KEYS).
        """
        files = KeyFolder(folder)
        with files.locked():
            if not files.development_certificate.exists():
                _found(files, now=now)
        key = read_private_key(files.development_key, agency=_AGENCY)
        certificate = read_certificates(files.development_certificate, agency=_AGENCY)[0]
        if key.public_key() != certificate.public_key():
            raise AxisError.of(
                "E_KEYS",
                place=Place(file=files.development_key.name),
                agency=_AGENCY,
                cause="the private key is not that of its certificate",
            )
        return cls(folder=files, certificate=certificate, private_key=key)

    def ensure(self, owners: Iterable[MailboxName], *, now: datetime) -> None:
        """Give each owner a key pair, unless one is here that is good for another 30 days.

        Raises:
            ConfigurationError: A file cannot be read or written (E_KEYS).
        """
        with self.folder.locked():
            for owner in owners:
                if not any(_lasts(filed, now=now) for filed in self.folder.filed_under(owner)):
                    self._issue(owner, now=now)

    def _issue(self, owner: MailboxName, *, now: datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(owner, (NameOID.ORGANIZATION_IDENTIFIER, f"{OWNER_PREFIX}{owner}"))
        builder = _builder(
            name,
            key,
            not_before=max(now - _BACKDATED, self.certificate.not_valid_before_utc),
            not_after=min(now + _LIFE, self.certificate.not_valid_after_utc),
            is_authority=False,
        )
        certificate = builder.issuer_name(self.certificate.subject).sign(self.private_key, SHA256())
        self.folder.file(owner, certificate, key)
