"""The development authority for signatures, with which the axis can be tried without any setup.

It is made on first use. Every name in its certificates contains DEVELOPMENT.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from bus.core.algorithm import PrivateKey
from bus.core.keyring import OWNER_PREFIX, thumbprint_of
from bus.core.revocation.statement import Revocation
from bus.keys.access import KeyAccess
from bus.keys.files import read_certificates, read_private_key
from bus.keys.folder import FiledKey, KeyFolder
from bus.keys.issuance import (
    DEVELOPMENT,
    LIFE,
    RENEWED_AHEAD,
    development_name,
    unsigned,
    write_self_signed,
)
from bus.keys.revocation_store import revoked_here
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError
from schemas.term import term

_AGENCY = "the development authority"
_OPEN = KeyAccess()


@dataclass(frozen=True, kw_only=True, slots=True)
class DevelopmentAuthority:
    """The authority in a folder; several processes may use it at once."""

    folder: KeyFolder
    certificate: x509.Certificate
    private_key: PrivateKey = field(repr=False)
    access: KeyAccess

    @classmethod
    def open(
        cls, folder: Path, *, now: datetime, access: KeyAccess = _OPEN
    ) -> "DevelopmentAuthority":
        """Open the authority of a folder, or make it. Raises `ConfigurationError` E_KEYS."""
        files = KeyFolder(folder)
        with files.locked():
            if not files.development_certificate.exists():
                write_self_signed(
                    files.development_certificate,
                    files.development_key,
                    name="Liên Thông DEVELOPMENT authority",
                    now=now,
                    agency=_AGENCY,
                    passphrase=access.passphrase(agency=_AGENCY),
                )
        key = read_private_key(
            files.development_key, agency=_AGENCY, passphrase=access.passphrase(agency=_AGENCY)
        )
        certificate = read_certificates(files.development_certificate, agency=_AGENCY)[0]
        if key.public_key() != certificate.public_key():
            raise AxisError.of("E_KEYS", agency=_AGENCY, cause=term("key_not_of_certificate"))
        return cls(folder=files, certificate=certificate, private_key=key, access=access)

    def ensure(self, owners: Iterable[MailboxName], *, now: datetime) -> None:
        """Make a key pair for each owner without one that is valid for another 30 days.

        An owner with a certificate of another authority gets none, even if that has expired: a
        development certificate never replaces a real one.

        Raises:
            ConfigurationError: E_KEYS: a file cannot be read or written.
        """
        with self.folder.locked():
            for owner in without_certificate(self.folder.root, owners, now=now):
                self._issue(owner, now=now)

    def issue(self, owner: MailboxName, *, now: datetime) -> FiledKey:
        """Make a new key pair for an owner. Raises `ConfigurationError` E_KEYS."""
        with self.folder.locked():
            return self._issue(owner, now=now)

    def _issue(self, owner: MailboxName, *, now: datetime) -> FiledKey:
        key = ec.generate_private_key(ec.SECP256R1())
        name = development_name(owner, stated_owner=f"{OWNER_PREFIX}{owner}")
        made = unsigned(key, subject=name, issuer=self.certificate, now=now, life=LIFE)
        return self.folder.file(
            owner,
            [made.sign(self.private_key, SHA256())],
            key=key,
            passphrase=self.access.passphrase(agency=owner),
        )


def without_certificate(
    folder: Path, owners: Iterable[MailboxName], *, now: datetime
) -> tuple[MailboxName, ...]:
    """The owners for which `ensure` would make a pair. Raises `ConfigurationError` E_KEYS."""
    files = KeyFolder(folder)
    revoked = revoked_here(files)
    return tuple(
        owner
        for owner in owners
        if not any(_suffices(filed, revoked, now=now) for filed in files.filed_under(owner))
    )


def is_development(certificate: x509.Certificate) -> bool:
    """Whether a development authority issued it, that of this home or of another one."""
    given_by = certificate.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return any(attribute.value == DEVELOPMENT for attribute in given_by)


def _suffices(filed: FiledKey, revoked: Mapping[str, Revocation], *, now: datetime) -> bool:
    try:
        certificate = filed.certificate()
    except ConfigurationError:
        # It may be a real one, which a development certificate never replaces.
        return True
    if not is_development(certificate):
        return True
    lasts = now + RENEWED_AHEAD < certificate.not_valid_after_utc
    return filed.has_private_key and lasts and thumbprint_of(certificate) not in revoked
