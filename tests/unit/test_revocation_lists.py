"""Revocation lists: only what an authority signed for today, and says whole, counts."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bus.core.algorithm import Algorithm
from bus.core.keyring import thumbprint_of
from bus.core.revocation.answer import Answer
from bus.core.revocation.crl import read_crl
from bus.core.revocation.statement import RevocationReason, RevocationSource
from schemas.problem import TransportError
from tests.certificates import NOW, Issuer, below, key_for, leaf, root
from tests.revoking import A_DAY, AN_HOUR, Entry, a_list

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
    assert revocation.evidence == f"crl {URL} of {(NOW - AN_HOUR).isoformat()}"
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
        (b"no list", "no readable list"),
        (a_list(root("Another")), "it is the list of CN=Another"),
        (a_list(ISSUER, signed_by=root()), "not that of its authority"),
        (a_list(ISSUER, until=NOW - AN_HOUR), "stale"),
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


def scope(url: str, *, indirect: bool = False) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=indirect,
        only_contains_attribute_certs=False,
    )


def test_one_part_of_the_lists_cannot_be_given_out_for_another() -> None:
    assert said(a_list(ISSUER, extension=scope(URL))).revocations == ()
    with pytest.raises(TransportError, match="another address"):
        said(a_list(ISSUER, extension=scope("http://ca.example/b.crl")))


def test_an_indirect_list_is_refused() -> None:
    with pytest.raises(TransportError, match="everything that its authority revoked"):
        said(a_list(ISSUER, extension=scope(URL, indirect=True)))


def test_a_key_that_may_not_sign_lists_signs_none() -> None:
    agency = below(ISSUER, authority=False)

    with pytest.raises(TransportError, match="not for signing lists"):
        said(a_list(agency), issuer=agency)
