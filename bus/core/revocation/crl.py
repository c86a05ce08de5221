"""CRL: a list of revoked certificates, proven to be its authority's and of today (RFC 5280, 5).

A delta and an indirect list are refused. For which certificates a list speaks is known to `scope`.
What is not understood assures nothing: a critical extension that is not known here, of the list or
of any entry, and the whole list is refused (5.2, 5.3).
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from bus.core.certificate import UnreadableError, kind_of, read_parts, unreadable
from bus.core.keyring import thumbprint_of
from bus.core.revocation.scope import Scope, scope_of
from bus.core.revocation.statement import (
    Answer,
    Assurance,
    Revocation,
    RevocationReason,
    RevocationSource,
    check_times,
    reason_of,
    refuse,
    weightiest,
)
from schemas.problem import AxisError
from schemas.term import term

_KNOWN_CRITICAL = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT})
_KNOWN_CRITICAL_OF_ENTRIES = frozenset(
    {CRLEntryExtensionOID.CRL_REASON, CRLEntryExtensionOID.INVALIDITY_DATE}
)
_PARTS = {
    "issuer": "issuer",
    "last_update_utc": "date",
    "next_update_utc": "next_date",
    "extensions": "extensions",
    "signature_hash_algorithm": "signature",
    "signature": "signature",
    "tbs_certlist_bytes": "content",
}
_BROKEN_HASHES = frozenset({"md5", "sha1"})


def parse_crl(data: bytes) -> x509.CertificateRevocationList:
    """Read a list, DER or PEM, unjudged. Of its entries nothing is read yet.

    Raises:
        UnreadableError: It is none, or cannot be read whole.
    """
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            found = x509.load_pem_x509_crl(data)
        else:
            found = x509.load_der_x509_crl(data)
    except Exception as error:
        raise UnreadableError(term("list_unreadable", error=kind_of(error))) from error
    read_parts(found, _PARTS)
    return found


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
        _prove(found, source=source, issuer=issuer, now=now)
        stated = _statement(found, source=source)
        said_at, until = found.last_update_utc, found.next_update_utc
        check_times(source, said_at=said_at, until=until, now=now)
        scopes = [(subject, scope_of(stated, subject, url=url)) for subject in subjects]
        if all(scope is Scope.NOTHING for _, scope in scopes):
            raise refuse(source, term("list_about_others"))
        entries = _entries(found, {each.serial_number for each, _ in scopes}, source=source)
    except UnreadableError as error:
        raise refuse(source, error.cause) from error
    revocations, assurances = [], []
    for subject, scope in scopes:
        number, thumbprint = subject.serial_number, thumbprint_of(subject)
        if scope is not Scope.NOTHING and number in entries:
            told = [
                Revocation(
                    thumbprint=thumbprint,
                    at=at,
                    reason=reason,
                    source=RevocationSource.CRL,
                    stated_in=source,
                    stated_at=said_at,
                )
                for at, reason in entries[number]
            ]
            revocations += [weightiest(told)] if told else []
        elif scope is Scope.EVERYTHING:
            assurances.append(Assurance(thumbprint=thumbprint, stated_in=source, stated_at=said_at))
    return Answer(
        said_at=said_at, until=until, revocations=tuple(revocations), assurances=tuple(assurances)
    )


def _prove(
    found: x509.CertificateRevocationList, *, source: str, issuer: x509.Certificate, now: datetime
) -> None:
    """That the list is its authority's."""
    if found.issuer != issuer.subject:
        raise refuse(source, term("list_of_other", issuer=found.issuer.rfc4514_string()))
    hashed = found.signature_hash_algorithm
    if hashed is not None and hashed.name in _BROKEN_HASHES:
        raise refuse(source, term("answer_weak", algorithm=hashed.name))
    if not _may_sign_lists(issuer):
        raise refuse(source, term("list_issuer_key"))
    if not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
        raise refuse(source, term("list_issuer_invalid"))
    try:
        proven = found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except Exception as error:
        # A key, or a kind of signature, that the library can read and does not verify.
        raise refuse(source, term("list_signature_kind", error=kind_of(error))) from error
    if not proven:
        raise refuse(source, term("list_signature"))


def _statement(
    found: x509.CertificateRevocationList, *, source: str
) -> x509.IssuingDistributionPoint | None:
    """What the list says that it is about; None: it does not say."""
    stated = None
    for extension in found.extensions:
        if extension.critical and extension.oid not in _KNOWN_CRITICAL:
            name = extension.oid.dotted_string
            raise refuse(source, term("list_critical", oid=name))
        match extension.value:
            case x509.DeltaCRLIndicator():
                raise refuse(source, term("list_delta"))
            case x509.IssuingDistributionPoint() if extension.value.indirect_crl:
                raise refuse(source, term("list_indirect"))
            case x509.IssuingDistributionPoint():
                stated = extension.value
            case _:
                pass
    return stated


def _entries(
    found: x509.CertificateRevocationList, asked: Container[int], *, source: str
) -> Mapping[int, Sequence[tuple[datetime, RevocationReason]]]:
    """What stands in the list of those that are asked about: since when, and why.

    Empty for a certificate that is said to be back (removeFromCRL): that belongs into lists of
    changes, so here it neither revokes nor assures.

    Raises:
        UnreadableError: An entry, whosever it is, cannot be read.
        TransportError: One has a critical extension that is not understood (5.3).
    """
    stated: dict[int, list[tuple[datetime, RevocationReason]]] = {}
    try:
        for entry in found:
            for extension in entry.extensions:
                if extension.critical and extension.oid not in _KNOWN_CRITICAL_OF_ENTRIES:
                    name = extension.oid.dotted_string
                    raise refuse(source, term("list_entry_critical", oid=name))
            if entry.serial_number in asked:
                told = stated.setdefault(entry.serial_number, [])
                reason = _reason(entry)
                if reason is not None:
                    told.append((_moment(entry), reason))
    except AxisError:
        raise
    except Exception as error:
        raise unreadable("entry", error) from error
    return stated


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
