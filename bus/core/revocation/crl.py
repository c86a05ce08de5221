"""Certificate revocation lists (CRL): verify one and decide what it says (RFC 5280, 5 and 6.3).

Delta lists and indirect lists are refused. A list is also refused when it or any of its entries has
a critical extension that is not known here (5.2, 5.3).
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from bus.core.certificate import UnreadableError, extension_of, read_parts, unreadable
from bus.core.keyring import thumbprint_of
from bus.core.revocation.statement import (
    Answer,
    Assurance,
    Revocation,
    RevocationReason,
    RevocationSource,
    UnprovenError,
    check_critical,
    check_hash,
    check_times,
    most_severe,
    proving,
    reason_of,
)
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


class Scope(Enum):
    """What a list can say about one certificate.

    Attributes:
        NOTHING: The list is about other certificates.
        REVOCATIONS: The list has only some reasons, so absence from it proves nothing.
        EVERYTHING: A certificate that is not in the list is not revoked.
    """

    NOTHING = "nothing"
    REVOCATIONS = "revocations"
    EVERYTHING = "everything"


def parse_crl(data: bytes) -> x509.CertificateRevocationList:
    """Parse a list, DER or PEM, without verifying it. Raises `UnreadableError`."""
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            found = x509.load_pem_x509_crl(data)
        else:
            found = x509.load_der_x509_crl(data)
    except Exception as error:
        raise UnreadableError(term("list_unreadable", error=type(error).__name__)) from error
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
    """Verify a list, and find what it says about certificates of its issuer.

    Args:
        data: The list, DER or PEM.
        source: The name of the list in evidence.
        url: The address that it was fetched from; None for a list that an operator stored.
        issuer: The authority that must have signed the list.
        subjects: The certificates of this issuer that are asked about.

    Raises:
        TransportError: E_REVOCATION_SOURCE: the list proves nothing.
    """
    with proving(source):
        found = parse_crl(data)
        _verify(found, issuer=issuer, now=now)
        stated = _distribution_point(found)
        said_at, until = found.last_update_utc, found.next_update_utc
        check_times(said_at=said_at, until=until, now=now)
        scopes = [(subject, scope_of(stated, subject, url=url)) for subject in subjects]
        if all(scope is Scope.NOTHING for _, scope in scopes):
            raise UnprovenError(term("list_about_others"))
        entries = _entries(found, {each.serial_number for each, _ in scopes})
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
            revocations += [most_severe(told)] if told else []
        elif scope is Scope.EVERYTHING:
            assurances.append(Assurance(thumbprint=thumbprint, stated_in=source, stated_at=said_at))
    return Answer(
        said_at=said_at, until=until, revocations=tuple(revocations), assurances=tuple(assurances)
    )


def scope_of(
    stated: x509.IssuingDistributionPoint | None, subject: x509.Certificate, *, url: str | None
) -> Scope:
    """What a list can say about a certificate of its issuer (RFC 5280, 6.3.3, steps b and d).

    Args:
        stated: The list's own statement; None: the list is about all certificates.
        url: The address that it was fetched from; None for a list that an operator stored.
    """
    points = [
        point
        for point in points_of(subject)
        if url is None or x509.UniformResourceIdentifier(url) in (point.full_name or ())
    ]
    # A list from another place than a distribution point of the certificate is treated as if the
    # certificate had one more point, with its issuer's name and for all reasons (6.3.3, end).
    is_other_way = url is None or not points
    if stated is not None:
        if _is_about_others(stated, authority=is_authority(subject)):
            return Scope.NOTHING
        if names := _names(stated, subject.issuer):
            points = [point for point in points if names & _names(point, subject.issuer)]
            is_other_way = is_other_way and x509.DirectoryName(subject.issuer) in names
            if not points and not is_other_way:
                return Scope.NOTHING
        if stated.only_some_reasons is not None:
            return Scope.REVOCATIONS
    if is_other_way or any(point.reasons is None for point in points):
        return Scope.EVERYTHING
    return Scope.REVOCATIONS


def points_of(certificate: x509.Certificate) -> Sequence[x509.DistributionPoint]:
    """The distribution points whose lists the certificate's own issuer signs."""
    points = extension_of(certificate.extensions, x509.CRLDistributionPoints) or ()
    return [point for point in points if point.crl_issuer is None]


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether the certificate says that it belongs to an authority."""
    constraints = extension_of(certificate.extensions, x509.BasicConstraints)
    return constraints is not None and bool(constraints.ca)


def _is_about_others(stated: x509.IssuingDistributionPoint, *, authority: bool) -> bool:
    return (
        stated.only_contains_attribute_certs
        or (stated.only_contains_ca_certs and not authority)
        or (stated.only_contains_user_certs and authority)
    )


def _names(
    point: x509.DistributionPoint | x509.IssuingDistributionPoint, issuer: x509.Name
) -> frozenset[x509.GeneralName]:
    """The names of a point; a relative name is appended to the issuer's name (5.2.5)."""
    names = frozenset(point.full_name or ())
    if point.relative_name is None:
        return names
    return names | {x509.DirectoryName(x509.Name([*issuer.rdns, point.relative_name]))}


def _verify(
    found: x509.CertificateRevocationList, *, issuer: x509.Certificate, now: datetime
) -> None:
    """Refuse a list that its authority did not sign with a valid key."""
    if found.issuer != issuer.subject:
        raise UnprovenError(term("list_of_other", issuer=found.issuer.rfc4514_string()))
    check_hash(found)
    usage = extension_of(issuer.extensions, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        raise UnprovenError(term("list_issuer_key"))
    if not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
        raise UnprovenError(term("list_issuer_invalid"))
    try:
        proven = found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except Exception as error:
        # The library reads some kinds of keys and signatures that it cannot verify.
        raise UnprovenError(term("list_signature_kind", error=type(error).__name__)) from error
    if not proven:
        raise UnprovenError(term("list_signature"))


def _distribution_point(
    found: x509.CertificateRevocationList,
) -> x509.IssuingDistributionPoint | None:
    """The list's statement of the certificates that it is about; None: there is no statement."""
    check_critical(found.extensions, _KNOWN_CRITICAL)
    if extension_of(found.extensions, x509.DeltaCRLIndicator) is not None:
        raise UnprovenError(term("list_delta"))
    stated = extension_of(found.extensions, x509.IssuingDistributionPoint)
    if stated is not None and stated.indirect_crl:
        raise UnprovenError(term("list_indirect"))
    return stated


def _entries(
    found: x509.CertificateRevocationList, asked: Container[int]
) -> Mapping[int, Sequence[tuple[datetime, RevocationReason]]]:
    """By serial number: since when a certificate is revoked, and why.

    The value is empty for a certificate with the reason removeFromCRL. That reason belongs in delta
    lists; here it counts neither as a revocation nor as an assurance.

    Raises:
        UnreadableError: An entry cannot be read, also one of a certificate that is not asked about.
        UnprovenError: An entry has an unknown critical extension (5.3).
    """
    stated: dict[int, list[tuple[datetime, RevocationReason]]] = {}
    try:
        for entry in found:
            check_critical(entry.extensions, _KNOWN_CRITICAL_OF_ENTRIES, "list_entry_critical")
            if entry.serial_number in asked:
                told = stated.setdefault(entry.serial_number, [])
                reason = extension_of(entry.extensions, x509.CRLReason)
                why = reason_of(None if reason is None else reason.reason)
                if why is not None:
                    told.append((_revoked_at(entry), why))
    except UnprovenError:
        raise
    except Exception as error:
        raise unreadable("entry", error) from error
    return stated


def _revoked_at(entry: x509.RevokedCertificate) -> datetime:
    """The revocation date, or the invalidity date if it is earlier (RFC 5280, 5.3.2)."""
    stated = extension_of(entry.extensions, x509.InvalidityDate)
    if stated is None:
        return entry.revocation_date_utc
    return min(entry.revocation_date_utc, stated.invalidity_date_utc)
