"""Import a certificate that an authority issued, or an authority to be trusted.

A certificate belongs to the request with the same public key, whatever its subject is.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bus.core.keyring import CertifiedKey, certify, stated_owners
from bus.core.revocation.crl import is_authority
from bus.keys.access import KeyAccess
from bus.keys.files import key_errors, read_certificates, unusable
from bus.keys.folder import AUTHORITIES, KeyFolder
from bus.keys.requests import Request, requests_here
from bus.keys.token import token_key
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, DocumentError
from schemas.term import term


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """An imported certificate; `answers`: whether this home has its private key."""

    key: CertifiedKey
    file: str
    answers: bool


def import_certificate(
    files: KeyFolder,
    path: Path,
    *,
    owner: MailboxName | None = None,
    token: str | None = None,
    access: KeyAccess,
    now: datetime,
) -> Imported:
    """Store a certificate and its intermediate certificates in the folder of its owner.

    Args:
        path: A PEM file, with the certificates in any order, or a DER file.
        owner: None: the owner of its request, or the one that its subject names.
        token: The URI of its private key in a token.

    Raises:
        ConfigurationError: E_KEYS: it cannot be read, has no owner, has expired, or no authority
            that is trusted here issued it.
    """
    said = owner or "nobody"
    certificate, *others = _leaf_first(path, agency=said)
    with files.locked():
        matches = [r for r in requests_here(files) if _asks_for(r, certificate.public_key())]
        request = matches[0] if matches else None
        owner = owner or (request.owner if request else _stated(certificate))
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
            in_token = token_key(token, access=access, agency=owner)
            if in_token.public_key() != key.public_key:
                raise AxisError.of("E_KEYS", agency=owner, cause=term("token_key_other"))
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
    """Trust all authorities in a file from now on. Raises `ConfigurationError` E_KEYS."""
    found = tuple(read_certificates(path, agency=AUTHORITIES))
    for certificate in found:
        if not is_authority(certificate):
            subject = certificate.subject.rfc4514_string()
            raise unusable(path, AUTHORITIES, term("no_authority_certificate", subject=subject))
    with files.locked():
        for certificate in found:
            files.file_authority(certificate)
    return found


def _leaf_first(path: Path, *, agency: str) -> list[x509.Certificate]:
    found = read_certificates(path, agency=agency)
    leaves = [certificate for certificate in found if not is_authority(certificate)]
    if not leaves:
        raise unusable(path, agency, term("authority_given"))
    if len(leaves) > 1:
        raise unusable(path, agency, term("several_owners"))
    return [*leaves, *(each for each in found if each is not leaves[0])]


def _stated(certificate: x509.Certificate) -> MailboxName | None:
    stated = stated_owners(certificate.subject)
    return MailboxName(stated[0]) if stated else None


def _asks_for(request: Request, key: object) -> bool:
    """Whether a request is for this key; False if the request cannot be read."""
    try:
        return request.public_key() == key
    except ConfigurationError:
        return False


def _must_be_nobodys(key: CertifiedKey, files: KeyFolder, path: Path) -> None:
    """Refuse a key of another agency, because anybody can obtain its certificate."""
    for filed in files.filed():
        if filed.owner != key.owner and filed.has_key(key.public_key):
            raise unusable(path, key.owner, term("key_elsewhere", owner=filed.owner))


def _waiting_key(request: Request) -> bytes:
    with key_errors(request.private_key_path, agency=request.owner):
        return request.private_key_path.read_bytes()


def _answered(request: Request) -> None:
    """Remove an answered request: its key is beside the certificate now."""
    with key_errors(request.path, agency=request.owner):
        request.path.unlink()
        request.private_key_path.unlink(missing_ok=True)
