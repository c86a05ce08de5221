"""OCSP answers: only the authority, or a responder it certified, is believed, and only today."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asn1crypto import core
from asn1crypto import ocsp as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from bus.core.algorithm import Algorithm
from bus.core.keyring import thumbprint_of
from bus.core.revocation.ocsp import question, read_answer
from bus.core.revocation.statement import Answer, RevocationReason, RevocationSource
from schemas.problem import TransportError
from tests.support.certificates import ISSUED, NOW, Issuer, below, key_for, leaf, root
from tests.support.revoking import AN_HOUR, an_answer

ISSUER, LOOKALIKE = root(), root()
AGENCY = leaf(ISSUER, key_for(Algorithm.ES256).public_key())
OTHER = leaf(ISSUER, key_for(Algorithm.EDDSA).public_key())
NONCE = b"n" * 16


def said(data: bytes, *, nonce: bytes | None = NONCE) -> Answer:
    return read_answer(
        data,
        source="ocsp http://ca.example",
        certificate=AGENCY,
        issuer=ISSUER.certificate,
        nonce=nonce,
        now=NOW,
    )


def responder(*usages: x509.ObjectIdentifier, by: Issuer = ISSUER, **changes: object) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    extensions = [x509.ExtendedKeyUsage(usages)] if usages else []
    certificate = leaf(by, key.public_key(), extensions=extensions, **changes)  # type: ignore[arg-type]
    return Issuer(certificate=certificate, private_key=key)


FOR_ANSWERS = ExtendedKeyUsageOID.OCSP_SIGNING


def test_the_question_names_the_certificate_and_carries_the_nonce() -> None:
    asked = ocsp.load_der_ocsp_request(question(AGENCY, ISSUER.certificate, nonce=NONCE))

    assert asked.serial_number == AGENCY.serial_number
    assert asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE


def test_a_good_certificate_is_assured_with_the_date() -> None:
    [assurance] = said(an_answer(ISSUER, AGENCY, nonce=NONCE)).assurances

    assert assurance.thumbprint == thumbprint_of(AGENCY)
    assert assurance.stated_at == NOW - AN_HOUR


def test_a_revoked_certificate_is_told_with_moment_and_reason() -> None:
    at = NOW - timedelta(days=2)
    answer = said(an_answer(ISSUER, AGENCY, revoked_at=at, reason=x509.ReasonFlags.key_compromise))

    [revocation] = answer.revocations
    assert (revocation.at, revocation.reason) == (at, RevocationReason.KEY_COMPROMISE)
    assert revocation.source is RevocationSource.OCSP


def test_a_responder_that_the_authority_certified_for_it_is_believed() -> None:
    assert said(an_answer(ISSUER, AGENCY, signed_by=responder(FOR_ANSWERS))).assurances


def test_an_answer_by_other_hashes_about_the_same_certificate_is_understood() -> None:
    assert said(an_answer(ISSUER, AGENCY, hashed=SHA256())).assurances


def test_a_responder_without_nonces_is_believed_while_its_answer_lasts() -> None:
    assert said(an_answer(ISSUER, AGENCY, until=None)).assurances
    with pytest.raises(TransportError, match="out of date"):
        said(an_answer(ISSUER, AGENCY, said_at=NOW - timedelta(days=2), until=None))


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"no answer", "response cannot be read"),
        (
            ocsp.OCSPResponseBuilder.build_unsuccessful(
                ocsp.OCSPResponseStatus.TRY_LATER
            ).public_bytes(Encoding.DER),
            "TRY_LATER",
        ),
        (an_answer(ISSUER, OTHER), "another certificate"),
        (an_answer(root(), AGENCY), "certificate of its signer is missing"),
        (
            an_answer(ISSUER, AGENCY, signed_by=responder(FOR_ANSWERS, by=root())),
            "did not certify the responder",
        ),
        (an_answer(ISSUER, AGENCY, signed_by=responder()), "must not sign answers"),
        (
            an_answer(
                ISSUER,
                AGENCY,
                signed_by=responder(FOR_ANSWERS, starts=ISSUED, ends=NOW - AN_HOUR),
            ),
            "not valid now",
        ),
        (an_answer(LOOKALIKE, AGENCY, by_name=True), "did not sign it"),
        (an_answer(ISSUER, AGENCY, nonce=b"m" * 16), "another request"),
        (an_answer(ISSUER, AGENCY, until=NOW - AN_HOUR), "out of date"),
        (an_answer(ISSUER, AGENCY, said_at=NOW + AN_HOUR), "future"),
        (an_answer(ISSUER, AGENCY, unknown=True), "does not know"),
    ],
    ids=[
        "garbage",
        "unsuccessful",
        "another certificate",
        "another authority",
        "a stranger's responder",
        "an agency as responder",
        "an ended responder",
        "a false name",
        "another nonce",
        "out of date",
        "future",
        "unknown",
    ],
)
def test_what_is_not_the_authoritys_word_of_today_is_no_answer(data: bytes, cause: str) -> None:
    with pytest.raises(TransportError, match=cause) as refused:
        said(data)

    assert refused.value.problem.code == "E_REVOCATION_SOURCE"


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.3"), b"\5\0")


def test_a_critical_extension_that_nobody_knows_makes_an_answer_worth_nothing() -> None:
    with pytest.raises(TransportError, match="critical extension"):
        said(an_answer(ISSUER, AGENCY, critical=UNKNOWN))


def test_a_critical_nonce_is_understood() -> None:
    assert said(an_answer(ISSUER, AGENCY, critical=x509.OCSPNonce(NONCE))).assurances


@pytest.mark.parametrize(
    ("delegate", "cause"),
    [
        (responder(FOR_ANSWERS, signs_documents=False), "must not make digital signatures"),
        (responder(FOR_ANSWERS, critical=True), "has the critical extension"),
        (responder(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE), "must not sign answers"),
        (responder(ExtendedKeyUsageOID.SERVER_AUTH), "must not sign answers"),
        (responder(FOR_ANSWERS, starts=NOW + AN_HOUR), "not valid now"),
        (
            responder(FOR_ANSWERS, by=below(ISSUER)),
            "authority itself did not certify the responder",
        ),
    ],
    ids=["key usage", "critical", "any purpose", "another purpose", "not yet", "a level below"],
)
def test_a_delegate_without_the_right_is_no_responder(delegate: Issuer, cause: str) -> None:
    with pytest.raises(TransportError, match=cause):
        said(an_answer(ISSUER, AGENCY, signed_by=delegate))


def test_a_certificate_that_comes_along_hides_no_other() -> None:
    """They are not signed: whoever adds one must not silence the responder."""
    good, bad = responder(FOR_ANSWERS), responder(ExtendedKeyUsageOID.SERVER_AUTH)

    assert said(an_answer(ISSUER, AGENCY, signed_by=good, along=[bad.certificate])).assurances


def test_what_is_said_of_two_certificates_at_once_revokes_and_assures_nothing() -> None:
    """The library does not show what is critical in one of several."""
    good, revoked = an_answer(ISSUER, AGENCY), an_answer(ISSUER, AGENCY, revoked_at=NOW)

    with pytest.raises(TransportError, match="several certificates at once"):
        said(signed_anew(good, doubled))
    assert said(signed_anew(revoked, doubled)).revocations


@pytest.mark.parametrize("critical", [True, False])
def test_a_critical_extension_of_what_is_said_of_one_is_not_passed_over(*, critical: bool) -> None:
    def extend(responses: Any) -> None:
        extension = {"extn_id": "1.3.6.1.4.1.55555.4", "critical": critical, "extn_value": b"\5\0"}
        responses[0]["single_extensions"] = [extension]

    answer = signed_anew(an_answer(ISSUER, AGENCY), extend)

    if not critical:
        assert said(answer).assurances
        return
    with pytest.raises(TransportError, match="critical extension"):
        said(answer)


def doubled(responses: Any) -> None:
    responses.append(responses[0].copy())


def signed_anew(answer: bytes, change: Callable[[Any], None]) -> bytes:
    """The answer with other responses in it, signed by its authority: no library makes it."""
    raw = asn1.OCSPResponse.load(answer)
    basic = raw["response_bytes"]["response"].parsed
    change(basic["tbs_response_data"]["responses"])
    basic["signature"] = ISSUER.private_key.sign(
        basic["tbs_response_data"].dump(force=True), ec.ECDSA(SHA256())
    )
    raw["response_bytes"]["response"] = core.ParsableOctetString(basic.dump(force=True))
    return bytes(raw.dump(force=True))


def test_a_certificate_that_is_said_to_be_back_and_revoked_is_revoked() -> None:
    answer = said(
        an_answer(ISSUER, AGENCY, revoked_at=NOW, reason=x509.ReasonFlags.remove_from_crl)
    )

    assert answer.revocations
    assert not answer.assurances
