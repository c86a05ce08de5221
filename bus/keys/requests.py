"""Requests: new key pairs that wait for their certificates, and certificates that are brought in.

    <folder>/requests/<code>/<day>-<digest>.key    the private key
    <folder>/requests/<code>/<day>-<digest>.csr    the request for the authority (RFC 2986)

A certificate is matched to the request by its public key, whatever the authority wrote into it.
"""

from collections.abc import Sequence
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
from bus.core.keyring import OWNER_PREFIX, CertifiedKey, certify, stated_owners
from bus.core.revocation.scope import is_authority
from bus.keys.access import KeyAccess
from bus.keys.files import (
    doorway,
    read_certificates,
    read_regular,
    unusable,
    write_file,
    write_private_key,
)
from bus.keys.folder import AUTHORITIES, KeyFolder, folder_name
from bus.keys.token import token_key
from schemas.identifiers import MailboxName
from schemas.limits import MAX_CERTIFICATE_FILE_BYTES
from schemas.problem import AxisError, ConfigurationError, DocumentError, Problem
from schemas.term import term

_RSA_BITS = 3072
"""Fit to sign beyond 2030 (NIST SP 800-57 part 1, table 2)."""


class KeyKind(StrEnum):
    """What a new pair is made of."""

    P256 = "p256"
    ED25519 = "ed25519"
    RSA = "rsa"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A pair that waits for its certificate."""

    owner: MailboxName
    path: Path

    @property
    def private_key_path(self) -> Path:
        """Where its private key lies."""
        return self.path.with_suffix(".key")

    def pem(self) -> str:
        """The request as the authority wants it. Raises `ConfigurationError` E_KEYS."""
        with doorway(self.path, agency=self.owner):
            return self.path.read_text(encoding="ascii")

    @property
    def problem(self) -> Problem | None:
        """Why it cannot be read; no certificate answers it then."""
        try:
            self.public_key()
        except ConfigurationError as error:
            return error.problem
        return None

    def public_key(self) -> object:
        """For what a certificate is asked. Raises `ConfigurationError` E_KEYS."""
        with doorway(self.path, agency=self.owner):
            asked = read_regular(self.path, most=MAX_CERTIFICATE_FILE_BYTES)
            return x509.load_pem_x509_csr(asked).public_key()


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """A certificate that was brought in.

    Attributes:
        answers: Whether it answered a request, so that its owner signs with it here.
    """

    key: CertifiedKey
    file: str
    answers: bool


def make_request(
    files: KeyFolder, owner: MailboxName, *, kind: KeyKind, passphrase: bytes | None, now: datetime
) -> Request:
    """Make a private key and ask for its certificate; both are on the disk at the return.

    Args:
        passphrase: Encrypts the private key.

    Raises:
        ConfigurationError: They cannot be written (E_KEYS).
    """
    key = _generated(kind)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"{OWNER_PREFIX}{owner}"),
            x509.NameAttribute(NameOID.COMMON_NAME, owner[:64]),  # RFC 5280, appendix A
        ]
    )
    # Ed25519 has its digest built in (RFC 8410).
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(_FOR_SIGNING, critical=True)
        .sign(key, digest)
    )
    digest_of_key = sha256(_bytes_of(key.public_key())).hexdigest()
    folder = files.requests / folder_name(owner)
    request = Request(owner=owner, path=folder / f"{now.date()}-{digest_of_key[:12]}.csr")
    with files.locked():
        with doorway(folder, agency=owner):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_key(request.private_key_path, key, agency=owner, passphrase=passphrase)
        write_file(request.path, asked.public_bytes(Encoding.PEM), mode=0o644, agency=owner)
    return request


def requests_here(files: KeyFolder) -> tuple[Request, ...]:
    """The requests that wait, by owner and day."""
    return tuple(
        Request(owner=MailboxName(unquote(path.parent.name)), path=path)
        for path in sorted(files.requests.glob("*/*.csr"))
    )


def import_certificate(
    files: KeyFolder,
    path: Path,
    *,
    owner: MailboxName | None = None,
    token: str | None = None,
    access: KeyAccess,
    now: datetime,
) -> Imported:
    """File a certificate, with the intermediate ones beside it in the file, under its owner.

    Args:
        path: PEM, in any order; or DER.
        owner: Under whom; absent: who asked for it, or whom its subject states.
        token: The URI of its private key in a token.

    Raises:
        ConfigurationError: It cannot be read, is nobody's, has ended, or no authority that is
            trusted here vouches for it (E_KEYS).
    """
    said = owner or "nobody"
    certificate, *others = _leaf_first(path, agency=said)
    with files.locked():
        matches = [r for r in requests_here(files) if _asks_for(r, certificate.public_key())]
        request = matches[0] if matches else None
        owner = owner or (request.owner if request else None) or _stated(certificate)
        if owner is None:
            raise unusable(path, said, term("owner_unstated"))
        if request is not None and request.owner != owner:
            raise unusable(path, owner, term("answers_other", owner=request.owner))
        try:
            pem = b"".join(c.public_bytes(Encoding.PEM) for c in (certificate, *others))
            key = certify(pem, authorities=files.authorities(), owner=owner)
        except DocumentError as error:
            raise unusable(path, owner, error.problem.because) from error
        if key.not_after < now:
            raise unusable(path, owner, term("ended_on", date=f"{key.not_after:%Y-%m-%d}"))
        _must_be_nobodys(key, files, path)
        if token is not None:
            _must_fit(token, key, access=access)
        filed = files.file(
            owner,
            (certificate, *others),
            key_pem=_waiting_key(request) if request and token is None else None,
            token=token,
        )
        if request is not None:
            _answered(request)
    return Imported(key=key, file=filed.path.name, answers=filed.has_private_key)


def import_authority(files: KeyFolder, path: Path) -> tuple[x509.Certificate, ...]:
    """Trust the authorities of a file from now on.

    Raises:
        ConfigurationError: It cannot be read, or holds a certificate that is no authority's
            (E_KEYS).
    """
    found = tuple(read_certificates(path, agency=AUTHORITIES))
    for certificate in found:
        if not is_authority(certificate):
            subject = certificate.subject.rfc4514_string()
            raise unusable(path, AUTHORITIES, term("no_authority_certificate", subject=subject))
    with files.locked():
        for certificate in found:
            files.file_authority(certificate)
    return found


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
    """What a pair is made of."""
    match key:
        case ec.EllipticCurvePublicKey():
            return KeyKind.P256
        case ed25519.Ed25519PublicKey():
            return KeyKind.ED25519
        case rsa.RSAPublicKey():
            return KeyKind.RSA
        case _:
            assert_never(key)


def _bytes_of(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _leaf_first(path: Path, *, agency: str) -> list[x509.Certificate]:
    found = read_certificates(path, agency=agency)
    leaves = [certificate for certificate in found if not is_authority(certificate)]
    if not leaves:
        raise unusable(path, agency, term("authority_given"))
    if len(leaves) > 1:
        raise unusable(path, agency, term("several_owners"))
    return [*leaves, *(each for each in found if each is not leaves[0])]


def _stated(certificate: x509.Certificate) -> MailboxName | None:
    stated: Sequence[str] = stated_owners(certificate.subject)
    return MailboxName(stated[0]) if stated else None


def _asks_for(request: Request, key: object) -> bool:
    """A request that cannot be read asks for nothing, and is no reason to refuse another's."""
    try:
        return request.public_key() == key
    except ConfigurationError:
        return False


def _must_be_nobodys(key: CertifiedKey, files: KeyFolder, path: Path) -> None:
    """Refuse the key of another owner: a certificate is no secret, anybody can hand it in."""
    for filed in files.filed():
        if filed.owner != key.owner and filed.has_key(key.public_key):
            raise unusable(path, key.owner, term("key_elsewhere", owner=filed.owner))


def _must_fit(token: str, key: CertifiedKey, *, access: KeyAccess) -> None:
    if token_key(token, access=access, agency=key.owner).public_key() != key.public_key:
        cause = term("token_key_other")
        raise AxisError.of("E_KEYS", agency=key.owner, cause=cause)


def _waiting_key(request: Request) -> bytes:
    with doorway(request.private_key_path, agency=request.owner):
        return request.private_key_path.read_bytes()


def _answered(request: Request) -> None:
    """The key lies beside its certificate now."""
    with doorway(request.path, agency=request.owner):
        request.path.unlink()
        request.private_key_path.unlink(missing_ok=True)


_FOR_SIGNING = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
