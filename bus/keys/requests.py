"""Requests for certificates: new key pairs that have no certificate yet.

<folder>/requests/<code>/<day>-<digest>.key    the private key
<folder>/requests/<code>/<day>-<digest>.csr    the request for the authority (RFC 2986)
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import assert_never
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from bus.core.algorithm import PrivateKey, PublicKey
from bus.core.keyring import OWNER_PREFIX
from bus.keys.files import key_errors, read_regular, write_file, write_private_key
from bus.keys.folder import KeyFolder, folder_name
from bus.keys.issuance import usage
from schemas.identifiers import MailboxName
from schemas.limits import MAX_CERTIFICATE_FILE_BYTES
from schemas.problem import ConfigurationError, Problem

_RSA_BITS = 3072
"""Long enough for signatures beyond 2030 (NIST SP 800-57 part 1, table 2)."""


class KeyKind(StrEnum):
    """The algorithm of a new key pair."""

    P256 = "p256"
    ED25519 = "ed25519"
    RSA = "rsa"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A key pair without a certificate."""

    owner: MailboxName
    path: Path

    @property
    def private_key_path(self) -> Path:
        """The file of its private key."""
        return self.path.with_suffix(".key")

    def pem(self) -> str:
        """The request for the authority. Raises `ConfigurationError` E_KEYS."""
        with key_errors(self.path, agency=self.owner):
            return self.path.read_text(encoding="ascii")

    @property
    def problem(self) -> Problem | None:
        """Why the request cannot be read; None: it can."""
        try:
            self.public_key()
        except ConfigurationError as error:
            return error.problem
        return None

    def public_key(self) -> object:
        """The public key. Raises `ConfigurationError` E_KEYS."""
        with key_errors(self.path, agency=self.owner):
            asked = read_regular(self.path, most=MAX_CERTIFICATE_FILE_BYTES)
            return x509.load_pem_x509_csr(asked).public_key()


def make_request(
    files: KeyFolder, owner: MailboxName, *, kind: KeyKind, passphrase: bytes | None, now: datetime
) -> Request:
    """Make a private key and a request for its certificate; both are on the disk at the return.

    Args:
        passphrase: Encrypts the private key.

    Raises:
        ConfigurationError: E_KEYS: they cannot be written.
    """
    key = _generated(kind)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"{OWNER_PREFIX}{owner}"),
            x509.NameAttribute(NameOID.COMMON_NAME, owner[:64]),  # RFC 5280, appendix A
        ]
    )
    # Ed25519 includes a digest (RFC 8410).
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(usage(authority=False), critical=True)
        .sign(key, digest)
    )
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest_of_key = sha256(public).hexdigest()
    folder = files.requests / folder_name(owner)
    request = Request(owner=owner, path=folder / f"{now.date()}-{digest_of_key[:12]}.csr")
    with files.locked():
        with key_errors(folder, agency=owner):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_key(request.private_key_path, key, agency=owner, passphrase=passphrase)
        write_file(request.path, asked.public_bytes(Encoding.PEM), mode=0o644, agency=owner)
    return request


def requests_here(files: KeyFolder) -> tuple[Request, ...]:
    """All requests without a certificate, sorted by owner and day."""
    return tuple(
        Request(owner=MailboxName(unquote(path.parent.name)), path=path)
        for path in sorted(files.requests.glob("*/*.csr"))
    )


def _generated(kind: KeyKind) -> PrivateKey:
    match kind:
        case KeyKind.P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyKind.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case KeyKind.RSA:
            return rsa.generate_private_key(65537, _RSA_BITS)
        case _:
            assert_never(kind)


def kind_of(key: PublicKey) -> KeyKind:
    """The algorithm of a key."""
    match key:
        case ec.EllipticCurvePublicKey():
            return KeyKind.P256
        case ed25519.Ed25519PublicKey():
            return KeyKind.ED25519
        case rsa.RSAPublicKey():
            return KeyKind.RSA
        case _:
            assert_never(key)
