"""Make certificates for development; every name in them contains DEVELOPMENT."""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from bus.keys.files import write_certificates, write_private_key

DEVELOPMENT = "DEVELOPMENT - not for production"
"""The organization in every name."""

AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=365)
RENEWED_AHEAD = timedelta(days=30)
"""A certificate is replaced this long before it expires."""

_BACKDATED = timedelta(hours=1)
"""So that a new certificate is valid for a signer whose clock is slow."""


def development_name(common_name: str, *, stated_owner: str | None = None) -> x509.Name:
    """The name of a subject, which nobody has verified."""
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    if stated_owner is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, stated_owner))
    return x509.Name(attributes)


def usage(*, authority: bool) -> x509.KeyUsage:
    """The key usage: an authority signs certificates and CRLs, other keys sign data and log in."""
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def unsigned(
    key: ec.EllipticCurvePrivateKey,
    *,
    subject: x509.Name,
    issuer: x509.Certificate | x509.Name,
    now: datetime,
    life: timedelta,
    authority: bool = False,
) -> x509.CertificateBuilder:
    """Prepare a certificate for its issuer to sign.

    Args:
        issuer: The issuer's certificate, which limits the validity; or the issuer's name.
        life: How long it is valid from now on.
        authority: Whether it signs other certificates.
    """
    begins, ends = now - _BACKDATED, now + life
    if isinstance(issuer, x509.Certificate):
        begins = max(begins, issuer.not_valid_before_utc)
        ends = min(ends, issuer.not_valid_after_utc)
        issuer = issuer.subject
    constraints = x509.BasicConstraints(ca=authority, path_length=0 if authority else None)
    # TLS libraries look for the key's identifier.
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(constraints, critical=True)
        .add_extension(usage(authority=authority), critical=True)
        .add_extension(identifier, critical=False)
    )


def write_self_signed(
    path: Path,
    key_path: Path,
    *,
    name: str,
    now: datetime,
    agency: str,
    authority: bool = True,
    passphrase: bytes | None = None,
) -> None:
    """Make a key and its self-signed certificate, valid for ten years, and write both.

    The certificate is written last: while it is missing, both are made again.

    Raises:
        ConfigurationError: As `key_errors`.
    """
    key, subject = ec.generate_private_key(ec.SECP256R1()), development_name(name)
    made = unsigned(
        key, subject=subject, issuer=subject, now=now, life=AUTHORITY_LIFE, authority=authority
    )
    write_private_key(key_path, key, agency=agency, passphrase=passphrase)
    write_certificates(path, [made.sign(key, SHA256())], agency=agency)
