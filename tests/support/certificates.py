"""An authority on paper: certificates of every shape, good ones and ones with one thing wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bus.core.algorithm import Algorithm, PrivateKey
from bus.core.keyring import KeyRing, certify, thumbprint_of
from bus.core.signing import SigningKey
from schemas.identifiers import MailboxName

NOW = datetime(2026, 3, 2, 8, 30, 0, tzinfo=UTC)
ISSUED = NOW - timedelta(days=100)
ENDS = NOW + timedelta(days=265)
OWNER = MailboxName("H24.05")
OTHER = MailboxName("G22")


@cache
def key_for(algorithm: Algorithm) -> PrivateKey:
    """One private key per algorithm: making an RSA key takes long."""
    return fresh_key_for(algorithm)


def fresh_key_for(algorithm: Algorithm) -> PrivateKey:
    """A private key that nobody else has."""
    match algorithm:
        case Algorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.EDDSA:
            return ed25519.Ed25519PrivateKey.generate()
        case Algorithm.PS256 | Algorithm.RS256:
            return rsa.generate_private_key(65537, 2048)


def name(common_name: str, *identifiers: str) -> x509.Name:
    """A distinguished name with any organizationIdentifiers."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            *(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, i) for i in identifiers),
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """A certificate that may sign others, with its private key."""

    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate as a file."""
        return self.certificate.public_bytes(Encoding.PEM)


def root(
    common_name: str = "Test root", *, starts: datetime = ISSUED, ends: datetime = ENDS
) -> Issuer:
    """A trust anchor."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = name(common_name)
    return Issuer(
        certificate=_sign(
            key.public_key(), subject, subject, key, authority=True, starts=starts, ends=ends
        ),
        private_key=key,
    )


def below(
    issuer: Issuer,
    common_name: str = "Test intermediate",
    *,
    authority: bool = True,
    path_length: int | None = None,
    signs_certificates: bool = True,
) -> Issuer:
    """An intermediate authority, or what pretends to be one."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(
        key.public_key(),
        name(common_name),
        issuer.certificate.subject,
        issuer.private_key,
        authority=authority,
        path_length=path_length,
        signs_certificates=signs_certificates,
    )
    return Issuer(certificate=certificate, private_key=key)


def leaf(
    issuer: Issuer,
    public_key: CertificatePublicKeyTypes,
    *identifiers: str,
    starts: datetime = ISSUED,
    ends: datetime = ENDS,
    authority: bool = False,
    signs_documents: bool = True,
    critical: bool = False,
    extensions: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    """An agency's certificate; `critical` adds a critical extension that nobody knows."""
    return _sign(
        public_key,
        name("Test agency", *identifiers),
        issuer.certificate.subject,
        issuer.private_key,
        authority=authority,
        starts=starts,
        ends=ends,
        signs_documents=signs_documents,
        critical=critical,
        extensions=extensions,
    )


def pem(*certificates: x509.Certificate) -> bytes:
    """A file of certificates."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A signing key, the private key in it, and the ring that believes it."""

    key: SigningKey
    private_key: PrivateKey
    ring: KeyRing


def signer(
    algorithm: Algorithm = Algorithm.ES256,
    *,
    owner: MailboxName = OWNER,
    private_key: PrivateKey | None = None,
    starts: datetime = ISSUED,
    ends: datetime = ENDS,
) -> Signer:
    """An agency that can sign, with a certificate of its own."""
    anchor, private_key = root(ends=max(ends, ENDS)), private_key or key_for(algorithm)
    certificate = leaf(anchor, private_key.public_key(), starts=starts, ends=ends)
    certified = certify(pem(certificate), authorities=[anchor.certificate], owner=owner)
    return Signer(
        key=SigningKey(
            private_key=private_key, thumbprint=thumbprint_of(certificate), algorithm=algorithm
        ),
        private_key=private_key,
        ring=KeyRing([certified]),
    )


def _sign(
    public_key: CertificatePublicKeyTypes,
    subject: x509.Name,
    issuer: x509.Name,
    private_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
    path_length: int | None = None,
    starts: datetime = ISSUED,
    ends: datetime = ENDS,
    signs_certificates: bool = True,
    signs_documents: bool = True,
    critical: bool = False,
    extensions: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=not authority and signs_documents,
        key_cert_sign=authority and signs_certificates,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\5\0")
        builder = builder.add_extension(unknown, critical=True)
    return builder.sign(private_key, SHA256())
