"""Scope: for which certificates of its authority a list speaks (RFC 5280, 6.3.3, steps b and d).

A list that says of itself that it is about others says nothing of a certificate: neither that it is
revoked nor that it is not.
"""

from collections.abc import Sequence
from enum import Enum

from cryptography import x509


class Scope(Enum):
    """What a list can say of one certificate.

    Attributes:
        NOTHING: It is about others.
        REVOCATIONS: It lists some reasons only: not to be in it assures nothing.
        EVERYTHING: Whoever is not in it is not revoked.
    """

    NOTHING = "nothing"
    REVOCATIONS = "revocations"
    EVERYTHING = "everything"


def scope_of(
    stated: x509.IssuingDistributionPoint | None, subject: x509.Certificate, *, url: str | None
) -> Scope:
    """What a list says of a certificate of its issuer.

    Args:
        stated: What the list says of itself; None: nothing, so it is about all certificates.
        url: From where it was fetched; None: an operator filed it.
    """
    points = [point for point in points_of(subject) if url is None or _is_at(point, url)]
    # What comes by another way than a point of the certificate is judged as if the certificate had
    # one more, with the name of its issuer and for all reasons (6.3.3, at the end).
    by_another_way = url is None or not points
    if stated is not None:
        if _is_about_others(stated, authority=is_authority(subject)):
            return Scope.NOTHING
        if names := _names(stated, subject.issuer):
            points = [point for point in points if names & _names(point, subject.issuer)]
            by_another_way = by_another_way and x509.DirectoryName(subject.issuer) in names
            if not points and not by_another_way:
                return Scope.NOTHING
        if stated.only_some_reasons is not None:
            return Scope.REVOCATIONS
    if by_another_way or any(point.reasons is None for point in points):
        return Scope.EVERYTHING
    return Scope.REVOCATIONS


def _is_about_others(stated: x509.IssuingDistributionPoint, *, authority: bool) -> bool:
    return (
        stated.only_contains_attribute_certs
        or (stated.only_contains_ca_certs and not authority)
        or (stated.only_contains_user_certs and authority)
    )


def points_of(certificate: x509.Certificate) -> Sequence[x509.DistributionPoint]:
    """The distribution points whose lists its own issuer signs."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return ()
    return [point for point in points if point.crl_issuer is None]


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it says that it is an authority's."""
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _is_at(point: x509.DistributionPoint, url: str) -> bool:
    return x509.UniformResourceIdentifier(url) in (point.full_name or ())


def _names(
    point: x509.DistributionPoint | x509.IssuingDistributionPoint, issuer: x509.Name
) -> frozenset[x509.GeneralName]:
    """The names of a point; a relative one stands below the name of the issuer (5.2.5)."""
    names = frozenset(point.full_name or ())
    if point.relative_name is None:
        return names
    return names | {x509.DirectoryName(x509.Name([*issuer.rdns, point.relative_name]))}
