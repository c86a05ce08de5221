"""CRL: a list of revoked certificates, proven to be its authority's and of today (RFC 5280, 5).

Whole lists only: a delta, an indirect or a partial one would say less than it seems to.
"""

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from bus.core.keyring import thumbprint_of
from bus.core.revocation.answer import Answer, check_times, reason_of, refuse
from bus.core.revocation.statement import Assurance, Revocation, RevocationReason, RevocationSource
from schemas.term import term

_KNOWN_CRITICAL = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT})
_BROKEN_HASHES = frozenset({"md5", "sha1"})


def parse_crl(data: bytes) -> x509.CertificateRevocationList:
    """Read a list, DER or PEM, unjudged. Raises `ValueError` when it is none."""
    if data.lstrip().startswith(b"-----BEGIN"):
        return x509.load_pem_x509_crl(data)
    return x509.load_der_x509_crl(data)


def read_crl(
    data: bytes,
    *,
    source: str,
    url: str | None,
    issuer: x509.Certificate,
    subjects: Iterable[x509.Certificate],
    now: datetime,
) -> Answer:
    """What a list says of some certificates of its issuer.

    Args:
        data: DER or PEM.
        source: How the list is called in evidence.
        url: From where it was fetched; None: an operator filed it.
        issuer: Who must have signed it.
        subjects: Certificates of this issuer.
        now: The time of the judgement.

    Raises:
        TransportError: E_REVOCATION_SOURCE; it proves nothing.
    """
    try:
        found = parse_crl(data)
        _prove(found, source=source, url=url, issuer=issuer)
        said_at, until = found.last_update_utc, found.next_update_utc
        check_times(source, said_at=said_at, until=until, now=now)
        revocations, assurances = [], []
        for subject in subjects:
            entry = found.get_revoked_certificate_by_serial_number(subject.serial_number)
            thumbprint = thumbprint_of(subject)
            if entry is None:
                assurances.append(
                    Assurance(thumbprint=thumbprint, stated_in=source, stated_at=said_at)
                )
                continue
            reason = _reason(entry)
            if reason is not None:
                revocations.append(
                    Revocation(
                        thumbprint=thumbprint,
                        at=_moment(entry),
                        reason=reason,
                        source=RevocationSource.CRL,
                        stated_in=source,
                        stated_at=said_at,
                    )
                )
    except (ValueError, x509.InvalidVersion) as error:
        raise refuse(source, term("list_unreadable", said=error)) from error
    return Answer(
        said_at=said_at, until=until, revocations=tuple(revocations), assurances=tuple(assurances)
    )


def _prove(
    found: x509.CertificateRevocationList, *, source: str, url: str | None, issuer: x509.Certificate
) -> None:
    if found.issuer != issuer.subject:
        raise refuse(source, term("list_of_other", issuer=found.issuer.rfc4514_string()))
    hashed = found.signature_hash_algorithm
    if hashed is not None and hashed.name in _BROKEN_HASHES:
        raise refuse(source, term("answer_weak", algorithm=hashed.name))
    if not _may_sign_lists(issuer):
        raise refuse(source, term("list_issuer_key"))
    if not found.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
        raise refuse(source, term("list_signature"))
    for extension in found.extensions:
        if extension.critical and extension.oid not in _KNOWN_CRITICAL:
            name = extension.oid.dotted_string
            raise refuse(source, term("list_critical", oid=name))
        if isinstance(extension.value, x509.DeltaCRLIndicator):
            raise refuse(source, term("list_delta"))
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            _check_scope(extension.value, source=source, url=url)


def _check_scope(scope: x509.IssuingDistributionPoint, *, source: str, url: str | None) -> None:
    if scope.indirect_crl or scope.only_some_reasons or scope.only_contains_attribute_certs:
        raise refuse(source, term("list_partial"))
    # RFC 5280, 6.3.3 (b) (2) (i): or somebody on the way could give one part for another.
    names = {
        name.value
        for name in scope.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    }
    if url is not None and names and url not in names:
        raise refuse(source, term("list_elsewhere"))


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.crl_sign


def _reason(entry: x509.RevokedCertificate) -> RevocationReason | None:
    """None: the certificate is back (removeFromCRL)."""
    try:
        stated = entry.extensions.get_extension_for_oid(CRLEntryExtensionOID.CRL_REASON).value
    except x509.ExtensionNotFound:
        return RevocationReason.UNSPECIFIED
    return reason_of(stated.reason) if isinstance(stated, x509.CRLReason) else None


def _moment(entry: x509.RevokedCertificate) -> datetime:
    """Since when not to believe it: the invalidity date, where earlier (RFC 5280, 5.3.2)."""
    try:
        stated = entry.extensions.get_extension_for_oid(CRLEntryExtensionOID.INVALIDITY_DATE).value
    except x509.ExtensionNotFound:
        return entry.revocation_date_utc
    if isinstance(stated, x509.InvalidityDate):
        return min(entry.revocation_date_utc, stated.invalidity_date_utc)
    return entry.revocation_date_utc
