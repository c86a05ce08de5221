"""The development authority for TLS to the broker; it needs no setup.

    <folder>/authority.pem, authority.key    the authority; the private node trusts no other
    <folder>/broker.pem, broker.key          the certificate of the private node
    <folder>/<account>.pem, <account>.key    the certificate with which an account logs in

Another authority certifies signatures, so that nobody can log in with a signing certificate, or
sign with a login certificate.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from bus.core.algorithm import PrivateKey
from bus.keys.files import (
    key_errors,
    read_certificates,
    read_private_key,
    sync_keys,
    write_certificates,
    write_private_key,
)
from bus.keys.issuance import LIFE, RENEWED_AHEAD, development_name, unsigned, write_self_signed

_BROKER = "broker"
_HOSTS = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateFiles:
    """The files of a certificate and its private key, both PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class TransportAuthority:
    """The authority in a folder. It is made on first use; one process at a time may use it.

    Every method raises `ConfigurationError` E_KEYS when a file cannot be used or written.
    """

    folder: Path

    @property
    def certificate(self) -> Path:
        """The trust anchor of the broker and of its clients."""
        return self.folder / "authority.pem"

    def for_broker(self, *, now: datetime) -> CertificateFiles:
        """The certificate of the private node, for loopback addresses."""
        names = x509.SubjectAlternativeName(_HOSTS)
        return self._ensure(_BROKER, "localhost", [names], ExtendedKeyUsageOID.SERVER_AUTH, now)

    def for_account(self, account: str, *, now: datetime) -> CertificateFiles:
        """The certificate with which an account logs in."""
        return self._ensure(account, account, [], ExtendedKeyUsageOID.CLIENT_AUTH, now)

    def _ensure(
        self,
        name: str,
        common_name: str,
        extensions: Sequence[x509.ExtensionType],
        usage: ObjectIdentifier,
        now: datetime,
    ) -> CertificateFiles:
        files = CertificateFiles(
            certificate=self.folder / f"{name}.pem", key=self.folder / f"{name}.key"
        )
        authority, authority_key = self._authority(now)
        if not _lasts(files, authority, now=now):
            key = ec.generate_private_key(ec.SECP256R1())
            builder = unsigned(
                key, subject=development_name(common_name), issuer=authority, now=now, life=LIFE
            ).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            for extension in extensions:
                builder = builder.add_extension(extension, critical=False)
            issuer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer),
                critical=False,
            )
            write_private_key(files.key, key, agency=name)
            certificate = builder.sign(authority_key, SHA256())
            write_certificates(files.certificate, [certificate], agency=name)
            sync_keys(self.folder, agency=name)
        return files

    def _authority(self, now: datetime) -> tuple[x509.Certificate, PrivateKey]:
        owner, path = "the transport authority", self.folder / "authority.key"
        with key_errors(self.folder, agency=owner):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.certificate.exists():
            name = "Liên Thông DEVELOPMENT transport authority"
            write_self_signed(self.certificate, path, name=name, now=now, agency=owner)
        certificate = read_certificates(self.certificate, agency=owner)[0]
        return certificate, read_private_key(path, agency=owner)


def _lasts(files: CertificateFiles, authority: x509.Certificate, *, now: datetime) -> bool:
    if not (files.certificate.exists() and files.key.exists()):
        return False
    certificate = read_certificates(files.certificate, agency=files.certificate.stem)[0]
    key = read_private_key(files.key, agency=files.key.stem)
    return (
        certificate.issuer == authority.subject
        and certificate.public_key() == key.public_key()
        and now + RENEWED_AHEAD < certificate.not_valid_after_utc
    )
