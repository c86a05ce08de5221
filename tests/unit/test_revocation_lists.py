"""Revocation lists: only what an authority signed for today, and says whole, counts."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bus.core.algorithm import Algorithm
from bus.core.keyring import thumbprint_of
from bus.core.revocation.crl import read_crl
from bus.core.revocation.statement import Answer, RevocationReason, RevocationSource
from schemas.problem import TransportError
from tests.support.certificates import NOW, Issuer, below, key_for, leaf, name, root
from tests.support.revoking import A_DAY, AN_HOUR, Entry, a_list

ISSUER = root()
AGENCY = leaf(ISSUER, key_for(Algorithm.ES256).public_key())
OTHER = leaf(ISSUER, key_for(Algorithm.EDDSA).public_key())
URL = "http://ca.example/a.crl"


def said(data: bytes, *, issuer: Issuer = ISSUER, url: str | None = URL) -> Answer:
    return read_crl(
        data,
        source=f"crl {url}",
        url=url,
        issuer=issuer.certificate,
        subjects=[AGENCY, OTHER],
        now=NOW,
    )


def test_a_list_says_since_when_why_and_what_is_not_revoked() -> None:
    at = NOW - timedelta(days=3)
    answer = said(
        a_list(ISSUER, Entry(certificate=AGENCY, at=at, reason=x509.ReasonFlags.superseded))
    )

    [revocation], [assurance] = answer.revocations, answer.assurances
    assert revocation.thumbprint == thumbprint_of(AGENCY)
    assert (revocation.at, revocation.reason) == (at, RevocationReason.SUPERSEDED)
    assert revocation.source is RevocationSource.CRL
    assert revocation.evidence == f"crl {URL} ({(NOW - AN_HOUR).isoformat()})"
    assert assurance.thumbprint == thumbprint_of(OTHER)


def test_a_list_may_be_pem() -> None:
    der = a_list(ISSUER, Entry(certificate=AGENCY, at=NOW))
    pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)

    assert said(pem) == said(der)


def test_a_key_is_not_believed_since_it_may_have_been_stolen() -> None:
    stolen = NOW - timedelta(days=9)
    entry = Entry(
        certificate=AGENCY,
        at=NOW - A_DAY,
        reason=x509.ReasonFlags.key_compromise,
        invalid_since=stolen,
    )

    [revocation] = said(a_list(ISSUER, entry)).revocations

    assert revocation.at == stolen


def test_what_was_taken_off_the_hold_is_not_revoked() -> None:
    entry = Entry(certificate=AGENCY, at=NOW, reason=x509.ReasonFlags.remove_from_crl)

    assert said(a_list(ISSUER, entry)).revocations == ()


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"no list", "list cannot be read"),
        (a_list(root("Another")), "it is the list of CN=Another"),
        (a_list(ISSUER, signed_by=root()), "its authority did not sign it"),
        (a_list(ISSUER, until=NOW - AN_HOUR), "out of date"),
        (a_list(ISSUER, said_at=NOW + AN_HOUR), "future"),
        (a_list(ISSUER, extension=x509.DeltaCRLIndicator(1)), "critical extension"),
        (
            a_list(
                ISSUER,
                extension=x509.UnrecognizedExtension(
                    x509.ObjectIdentifier("1.3.6.1.4.1.55555.2"), b"\5\0"
                ),
            ),
            "critical extension",
        ),
    ],
    ids=["garbage", "another's", "forged", "stale", "future", "delta", "unknown"],
)
def test_what_an_authority_did_not_sign_for_today_is_no_list(data: bytes, cause: str) -> None:
    with pytest.raises(TransportError, match=cause) as refused:
        said(data)

    assert refused.value.problem.code == "E_REVOCATION_SOURCE"


# --- for whom a list speaks (RFC 5280, 6.3.3) ---------------------------------------------------


def scope(
    *names: str | x509.GeneralName,
    relative: str | None = None,
    indirect: bool = False,
    users: bool = False,
    authorities: bool = False,
    attributes: bool = False,
    reasons: frozenset[x509.ReasonFlags] | None = None,
) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[general(each) for each in names] or None,
        relative_name=below_issuer(relative) if relative else None,
        only_contains_user_certs=users,
        only_contains_ca_certs=authorities,
        only_some_reasons=reasons,
        indirect_crl=indirect,
        only_contains_attribute_certs=attributes,
    )


def general(name: str | x509.GeneralName) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(name) if isinstance(name, str) else name


def below_issuer(common_name: str) -> x509.RelativeDistinguishedName:
    return x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def with_points(*points: x509.DistributionPoint) -> x509.Certificate:
    """An agency's certificate that names where its authority's lists are."""
    extensions = [x509.CRLDistributionPoints(points)] if points else []
    return leaf(ISSUER, key_for(Algorithm.ES256).public_key(), extensions=extensions)


def point(
    *names: str | x509.GeneralName,
    relative: str | None = None,
    reasons: frozenset[x509.ReasonFlags] | None = None,
    issuer: x509.Name | None = None,
) -> x509.DistributionPoint:
    return x509.DistributionPoint(
        full_name=[general(each) for each in names] or None,
        relative_name=below_issuer(relative) if relative else None,
        reasons=reasons,
        crl_issuer=[x509.DirectoryName(issuer)] if issuer else None,
    )


def about(
    subject: x509.Certificate,
    stated: x509.ExtensionType | None,
    *entries: Entry,
    url: str | None = URL,
    critical: bool = True,
) -> Answer:
    """What a list that states its scope says of one certificate."""
    return read_crl(
        a_list(ISSUER, *entries, extension=stated, critical=critical),
        source="crl",
        url=url,
        issuer=ISSUER.certificate,
        subjects=[subject],
        now=NOW,
    )


COMPROMISE = frozenset({x509.ReasonFlags.key_compromise})
AT_URL = with_points(point(URL))
AUTHORITY = below(ISSUER).certificate
DIRECTORY = x509.DirectoryName(name("Lists"))
ISSUER_NAME = x509.DirectoryName(ISSUER.certificate.subject)


@pytest.mark.parametrize(
    ("subject", "stated", "url"),
    [
        (AT_URL, None, URL),
        (AT_URL, scope(URL), URL),
        (AT_URL, scope("ldap://x", URL), URL),
        (AT_URL, scope(URL), None),
        (AT_URL, scope(URL, users=True), URL),
        (AUTHORITY, scope(authorities=True), None),
        (with_points(), scope(ISSUER_NAME), None),
        (with_points(point(DIRECTORY)), scope(DIRECTORY), None),
        (with_points(point(relative="Lists")), scope(relative="Lists"), None),
        (with_points(point(URL), point("http://b/", reasons=COMPROMISE)), scope(URL), URL),
    ],
)
def test_who_is_not_in_a_list_that_speaks_for_it_is_assured(
    subject: x509.Certificate, stated: x509.ExtensionType | None, url: str | None
) -> None:
    answer = about(subject, stated, url=url)

    assert [each.thumbprint for each in answer.assurances] == [thumbprint_of(subject)]


@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize(
    ("subject", "stated", "url"),
    [
        (AT_URL, scope("http://ca.example/b.crl"), URL),
        (AT_URL, scope("http://ca.example/b.crl"), None),
        (AT_URL, scope(DIRECTORY), URL),
        (AT_URL, scope(DIRECTORY), None),
        (AT_URL, scope(ISSUER_NAME), URL),
        (AT_URL, scope(relative="Lists"), URL),
        (with_points(point(relative="Lists")), scope(relative="Others"), None),
        (with_points(point(DIRECTORY)), scope(relative="Lists"), None),
        (with_points(point(URL, issuer=name("Another"))), scope(URL), None),
        (with_points(), scope(URL), None),
        (AT_URL, scope(URL, authorities=True), URL),
        (AT_URL, scope(authorities=True), None),
        (AUTHORITY, scope(users=True), None),
        (AT_URL, scope(attributes=True), URL),
        (AUTHORITY, scope(attributes=True), None),
    ],
)
def test_a_list_about_others_says_nothing_of_a_certificate(
    subject: x509.Certificate, stated: x509.ExtensionType, url: str | None, *, critical: bool
) -> None:
    with pytest.raises(TransportError, match="about other certificates"):
        about(subject, stated, Entry(certificate=subject, at=NOW), url=url, critical=critical)


@pytest.mark.parametrize(
    ("subject", "stated"),
    [
        (AT_URL, scope(URL, reasons=COMPROMISE)),
        (AT_URL, scope(reasons=COMPROMISE)),
        (with_points(point(URL, reasons=COMPROMISE)), scope(URL)),
        (with_points(point(URL, reasons=COMPROMISE)), None),
    ],
)
def test_a_list_of_some_reasons_revokes_and_assures_nothing(
    subject: x509.Certificate, stated: x509.ExtensionType | None
) -> None:
    entry = Entry(certificate=subject, at=NOW, reason=x509.ReasonFlags.key_compromise)

    assert about(subject, stated, entry).revocations
    assert about(subject, stated) == Answer(said_at=NOW - AN_HOUR, until=NOW + A_DAY)


def test_one_list_speaks_for_those_that_it_is_about_only() -> None:
    data = a_list(ISSUER, extension=scope(authorities=True))

    answer = read_crl(
        data,
        source="crl",
        url=None,
        issuer=ISSUER.certificate,
        subjects=[AGENCY, AUTHORITY],
        now=NOW,
    )

    assert [each.thumbprint for each in answer.assurances] == [thumbprint_of(AUTHORITY)]


def test_an_indirect_list_is_refused() -> None:
    with pytest.raises(TransportError, match="several authorities"):
        about(AT_URL, scope(URL, indirect=True))


# --- what is critical and not understood --------------------------------------------------------

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.2"), b"\5\0")


@pytest.mark.parametrize(
    "critical", [UNKNOWN, x509.CertificateIssuer([ISSUER_NAME])], ids=["unknown", "indirect"]
)
def test_a_critical_extension_of_any_entry_makes_the_whole_list_worth_nothing(
    critical: x509.ExtensionType,
) -> None:
    """RFC 5280, 5.3: such a list must not be used to determine any status."""
    entry = Entry(certificate=OTHER, at=NOW, critical=critical)

    with pytest.raises(TransportError, match="an entry has the critical extension"):
        about(AGENCY, None, entry)


def test_a_critical_reason_is_understood() -> None:
    reason = x509.CRLReason(x509.ReasonFlags.key_compromise)

    [revocation] = about(
        AGENCY, None, Entry(certificate=AGENCY, at=NOW, critical=reason)
    ).revocations

    assert revocation.reason is RevocationReason.KEY_COMPROMISE


@pytest.mark.parametrize("critical", [True, False])
def test_a_list_of_changes_is_refused_critical_or_not(*, critical: bool) -> None:
    with pytest.raises(TransportError, match=r"critical extension|changes only"):
        about(AGENCY, x509.DeltaCRLIndicator(1), critical=critical)


# --- several entries of one certificate ---------------------------------------------------------


@pytest.mark.parametrize("milder", ["remove_from_crl", "certificate_hold", "superseded", None])
def test_no_other_entry_hides_a_compromise(milder: str | None) -> None:
    reason = x509.ReasonFlags[milder] if milder else None
    grave = Entry(certificate=AGENCY, at=NOW, reason=x509.ReasonFlags.key_compromise)
    other = Entry(certificate=AGENCY, at=NOW - A_DAY, reason=reason)

    for entries in ((grave, other), (other, grave)):
        answer = about(AGENCY, None, *entries)
        assert [each.reason for each in answer.revocations] == [RevocationReason.KEY_COMPROMISE]
        assert not answer.assurances


def test_who_is_said_to_be_back_in_a_whole_list_is_not_assured() -> None:
    """That belongs into lists of changes (5.3.1): it means nothing here."""
    entry = Entry(certificate=AGENCY, at=NOW, reason=x509.ReasonFlags.remove_from_crl)

    assert about(AGENCY, None, entry) == Answer(said_at=NOW - AN_HOUR, until=NOW + A_DAY)


def test_an_authority_that_has_ended_speaks_no_more() -> None:
    ended = root(ends=NOW - AN_HOUR)

    with pytest.raises(TransportError, match="not valid now"):
        said(a_list(ended), issuer=ended)


def test_a_key_that_may_not_sign_lists_signs_none() -> None:
    agency = below(ISSUER, authority=False)

    with pytest.raises(TransportError, match="must not sign lists"):
        said(a_list(agency), issuer=agency)
