"""Where the revocations of an authority are published: CRLs and OCSP responders.

The certificates name these sources. Only `http` addresses are used: lists and responses are signed,
and an `https` server would need another certificate to be verified first (RFC 5280, 8; RFC 6960,
A.1).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from bus.core.certificate import UnreadableError, extension_of
from bus.core.revocation.crl import parse_crl, points_of
from bus.core.revocation.statement import RevocationSource
from schemas.term import Term, term

Chain = Sequence[x509.Certificate]
"""A certificate, then its issuers, the trust anchor last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A certificate, and its issuer, which may revoke it."""

    certificate: x509.Certificate
    issuer: x509.Certificate


_UNNAMED = term("list_unnamed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A CRL or an OCSP responder.

    Attributes:
        kind: `CRL` or `OCSP`.
        place: Its address; for a CRL that an operator stored, the name of the file.
        subjects: The certificates to ask about.
        stored: The content of a CRL that an operator stored; None: it is at an address.
        fault: Why there are no `subjects`.
    """

    kind: RevocationSource
    place: str
    subjects: tuple[Subject, ...]
    stored: bytes | None = None
    fault: Term = _UNNAMED

    @property
    def name(self) -> str:
        """The name in events and evidence."""
        return f"{self.kind} {self.place}"


def subjects_of(chains: Iterable[Chain], *, now: datetime) -> tuple[Subject, ...]:
    """Every certificate that can be revoked: not trust anchors, and not expired certificates."""
    found: dict[bytes, Subject] = {}
    for chain in chains:
        for certificate, issuer in pairwise(chain):
            if now <= certificate.not_valid_after_utc:
                subject = Subject(certificate=certificate, issuer=issuer)
                found.setdefault(certificate.tbs_certificate_bytes, subject)
    return tuple(found.values())


def sources_of(subjects: Iterable[Subject]) -> tuple[Source, ...]:
    """The lists and responders to ask about these certificates."""
    found: dict[tuple[RevocationSource, str], list[Subject]] = {}
    for subject in subjects:
        for url in _list_urls(subject.certificate):
            found.setdefault((RevocationSource.CRL, url), []).append(subject)
        for url in _responder_urls(subject.certificate):
            found.setdefault((RevocationSource.OCSP, url), []).append(subject)
    return tuple(
        Source(kind=kind, place=url, subjects=tuple(about)) for (kind, url), about in found.items()
    )


def filed_list(file: str, data: bytes, subjects: Iterable[Subject]) -> Source:
    """A stored list with the certificates of its authority."""
    about: tuple[Subject, ...] = ()
    try:
        issuer, fault = parse_crl(data).issuer, term("list_unasked")
        about = tuple(subject for subject in subjects if subject.issuer.subject == issuer)
    except UnreadableError as error:
        fault = error.cause
    kind = RevocationSource.CRL
    return Source(kind=kind, place=file, subjects=about, stored=data, fault=fault)


def _list_urls(certificate: x509.Certificate) -> Iterable[str]:
    return _http(name for point in points_of(certificate) for name in point.full_name or ())


def _responder_urls(certificate: x509.Certificate) -> Iterable[str]:
    access = extension_of(certificate.extensions, x509.AuthorityInformationAccess) or ()
    ocsp = AuthorityInformationAccessOID.OCSP
    return _http(entry.access_location for entry in access if entry.access_method == ocsp)


def _http(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    urls = (name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))
    return tuple(dict.fromkeys(url for url in urls if url.startswith("http://")))
