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
from schemas.term import Term, term

Chain = Sequence[x509.Certificate]
"""A certificate, then its issuers, the trust anchor last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A certificate, and its issuer, which may revoke it."""

    certificate: x509.Certificate
    issuer: x509.Certificate


@dataclass(frozen=True, kw_only=True, slots=True)
class ListSource:
    """A CRL at an address."""

    url: str
    subjects: tuple[Subject, ...]

    @property
    def name(self) -> str:
        """The name in events and evidence."""
        return f"crl {self.url}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Responder:
    """An OCSP responder at an address."""

    url: str
    subjects: tuple[Subject, ...]

    @property
    def name(self) -> str:
        """The name in events and evidence."""
        return f"ocsp {self.url}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FiledList:
    """A CRL that an operator stored.

    Attributes:
        subjects: The certificates of its authority; empty when there are none here.
        fault: Why `subjects` is empty.
    """

    file: str
    data: bytes
    subjects: tuple[Subject, ...]
    fault: Term

    @property
    def name(self) -> str:
        """The name in events and evidence."""
        return f"crl {self.file}"


Source = ListSource | Responder | FiledList


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
    lists: dict[str, list[Subject]] = {}
    responders: dict[str, list[Subject]] = {}
    for subject in subjects:
        for url in _list_urls(subject.certificate):
            lists.setdefault(url, []).append(subject)
        for url in _responder_urls(subject.certificate):
            responders.setdefault(url, []).append(subject)
    return (
        *(ListSource(url=url, subjects=tuple(about)) for url, about in lists.items()),
        *(Responder(url=url, subjects=tuple(about)) for url, about in responders.items()),
    )


def filed_list(file: str, data: bytes, subjects: Iterable[Subject]) -> FiledList:
    """A stored list with the certificates of its authority."""
    try:
        issuer = parse_crl(data).issuer
    except UnreadableError as error:
        return FiledList(file=file, data=data, subjects=(), fault=error.cause)
    about = (subject for subject in subjects if subject.issuer.subject == issuer)
    return FiledList(file=file, data=data, subjects=tuple(about), fault=term("list_unasked"))


def _list_urls(certificate: x509.Certificate) -> Iterable[str]:
    return _http(name for point in points_of(certificate) for name in point.full_name or ())


def _responder_urls(certificate: x509.Certificate) -> Iterable[str]:
    access = extension_of(certificate.extensions, x509.AuthorityInformationAccess) or ()
    ocsp = AuthorityInformationAccessOID.OCSP
    return _http(entry.access_location for entry in access if entry.access_method == ocsp)


def _http(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    urls = (name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))
    return tuple(dict.fromkeys(url for url in urls if url.startswith("http://")))
