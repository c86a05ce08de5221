"""Trust: which certificates get into a key ring, and whose they are."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from bus.core.algorithm import Algorithm
from bus.core.keyring import CertifiedKey, KeyRing, certify, thumbprint_of
from schemas.identifiers import MailboxName
from schemas.problem import ConfigurationError, DocumentError
from tests.support.certificates import (
    ENDS,
    ISSUED,
    OTHER,
    OWNER,
    Issuer,
    below,
    key_for,
    leaf,
    pem,
    root,
)

ANCHOR = root()
PUBLIC = key_for(Algorithm.ES256).public_key()


def certified(
    *certificates: x509.Certificate, anchor: Issuer = ANCHOR, owner: MailboxName = OWNER
) -> CertifiedKey:
    return certify(pem(*certificates), authorities=[anchor.certificate], owner=owner)


def refusal(*certificates: x509.Certificate, anchor: Issuer = ANCHOR) -> str:
    """Why a certificate is not trusted."""
    with pytest.raises(DocumentError) as refused:
        certified(*certificates, anchor=anchor)
    assert refused.value.problem.code == "E_CERTIFICATE_UNTRUSTED"
    return refused.value.problem.because.text()


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_certificate_of_a_trusted_authority_becomes_a_key(algorithm: Algorithm) -> None:
    certificate = leaf(ANCHOR, key_for(algorithm).public_key(), "LT:VN-H24.05")

    key = certified(certificate)

    assert key.owner == OWNER
    assert key.thumbprint == thumbprint_of(certificate)
    assert key.public_key == key_for(algorithm).public_key()
    assert algorithm in key.algorithms
    assert (key.not_before, key.not_after) == (ISSUED, ENDS)
    assert key.subject == "2.5.4.97=LT:VN-H24.05,CN=Test agency"
    assert key.issuer == "CN=Test root"


def test_a_key_is_valid_from_its_first_to_its_last_second() -> None:
    key, second = certified(leaf(ANCHOR, PUBLIC)), timedelta(seconds=1)

    assert key.is_valid_at(ISSUED)
    assert key.is_valid_at(ENDS)
    assert not key.is_valid_at(ISSUED - second)
    assert not key.is_valid_at(ENDS + second)


def test_a_key_ends_no_later_than_the_authority_above_it() -> None:
    early = root(ends=ENDS - timedelta(days=30))

    assert certified(leaf(early, PUBLIC), anchor=early).not_after == ENDS - timedelta(days=30)


def test_intermediate_authorities_follow_in_the_file() -> None:
    intermediate = below(ANCHOR)
    certificate = leaf(intermediate, PUBLIC)

    assert certified(certificate, intermediate.certificate).owner == OWNER
    assert "candidates exhausted" in refusal(certificate)


# --- who vouches --------------------------------------------------------------------------------


def test_no_configured_authority_means_no_trust() -> None:
    with pytest.raises(DocumentError, match="no authority"):
        certify(pem(leaf(ANCHOR, PUBLIC)), authorities=[], owner=OWNER)


def test_an_authority_of_the_same_name_with_another_key_is_a_stranger() -> None:
    assert "signature does not match" in refusal(leaf(root(), PUBLIC))


def test_a_stranger_in_the_file_is_not_made_an_authority_by_that() -> None:
    stranger = root("Stranger")

    assert refusal(leaf(stranger, PUBLIC), stranger.certificate)


def test_an_agency_cannot_issue_for_another() -> None:
    agency = below(ANCHOR, authority=False)

    assert "cA must be asserted" in refusal(leaf(agency, PUBLIC), agency.certificate)


def test_an_authority_without_the_right_to_sign_certificates_is_refused() -> None:
    intermediate = below(ANCHOR, signs_certificates=False)

    cause = refusal(leaf(intermediate, PUBLIC), intermediate.certificate)

    assert "must not sign certificates" in cause


def test_a_path_longer_than_an_authority_allows_is_refused() -> None:
    last = below(ANCHOR, "Last", path_length=0)
    beyond = below(last, "Beyond")

    cause = refusal(leaf(beyond, PUBLIC), beyond.certificate, last.certificate)

    assert "path length" in cause


def test_a_certificate_from_before_its_authority_is_refused() -> None:
    early = ISSUED - timedelta(days=1)

    assert "not valid at validation time" in refusal(leaf(ANCHOR, PUBLIC, starts=early))


# --- what for -----------------------------------------------------------------------------------


def test_a_key_that_is_not_for_signatures_is_refused() -> None:
    assert "must not make digital signatures" in refusal(
        leaf(ANCHOR, PUBLIC, signs_documents=False)
    )


def test_an_authority_does_not_sign_documents() -> None:
    assert "of an authority" in refusal(below(ANCHOR).certificate)
    assert "of an authority" in refusal(ANCHOR.certificate)


def test_a_critical_extension_that_nobody_knows_is_refused() -> None:
    assert "critical" in refusal(leaf(ANCHOR, PUBLIC, critical=True))


@pytest.mark.parametrize(
    "public_key",
    [
        rsa.generate_private_key(65537, 1024).public_key(),  # noqa: S505 - weak on purpose
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        ed448.Ed448PrivateKey.generate().public_key(),
        dsa.generate_private_key(2048).public_key(),
    ],
)
def test_a_key_that_no_algorithm_of_the_wire_fits_is_refused(
    public_key: CertificatePublicKeyTypes,
) -> None:
    assert "neither P-256" in refusal(leaf(ANCHOR, public_key))


# --- whose --------------------------------------------------------------------------------------


def test_a_certificate_that_states_another_owner_is_refused() -> None:
    assert "of G22, not of H24.05" in refusal(leaf(ANCHOR, PUBLIC, "LT:VN-G22"))


def test_of_two_stated_owners_none_may_be_another() -> None:
    assert refusal(leaf(ANCHOR, PUBLIC, "LT:VN-H24.05", "LT:VN-G22"))


def test_identifiers_of_other_registers_say_nothing_about_the_owner() -> None:
    """A public authority may know the tax number, never the mailbox."""
    assert certified(leaf(ANCHOR, PUBLIC, "VATVN-0100109106")).owner == OWNER


# --- unreadable ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [b"", b"\0", b"-----BEGIN CERTIFICATE-----\n", b"H24.05"])
def test_a_file_without_a_certificate_is_refused(file: bytes) -> None:
    with pytest.raises(DocumentError, match="no readable certificate"):
        certify(file, authorities=[ANCHOR.certificate], owner=OWNER)


# --- the ring -----------------------------------------------------------------------------------


def test_an_owner_may_have_several_certificates_side_by_side() -> None:
    old, new = certified(leaf(ANCHOR, PUBLIC)), certified(leaf(ANCHOR, PUBLIC))

    ring = KeyRing([old, new, old])

    assert set(ring) == {old.thumbprint, new.thumbprint}
    assert len(ring) == 2
    assert ring[new.thumbprint] is new


def test_a_certificate_has_one_owner() -> None:
    certificate = leaf(ANCHOR, PUBLIC)

    with pytest.raises(ConfigurationError, match=r"stored under H24\.05"):
        KeyRing([certified(certificate), certified(certificate, owner=OTHER)])
