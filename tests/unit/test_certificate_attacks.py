"""Certificates of forgers: whatever a file claims, no chain is believed that RFC 5280 forbids.

All are made here, by an authority that signs whatever it is asked to: most libraries refuse to.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bus.core.algorithm import Algorithm
from bus.core.keyring import CertifiedKey, KeyRing, certify
from schemas.identifiers import MailboxName
from schemas.limits import MAX_CERTIFICATE_FILE_BYTES, MAX_CHAIN_CERTIFICATES
from schemas.problem import ConfigurationError, DocumentError
from tests.support.certificates import (
    ENDS,
    ISSUED,
    NOW,
    OTHER,
    OWNER,
    Issuer,
    below,
    key_for,
    leaf,
    name,
    pem,
    root,
)

ANCHOR = root()
PUBLIC = key_for(Algorithm.ES256).public_key()
SECONDS = 2.0

pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

Change = Callable[[Any], None]


def certified(*certificates: x509.Certificate, anchor: Issuer = ANCHOR) -> CertifiedKey:
    return certify(pem(*certificates), authorities=[anchor.certificate], owner=OWNER)


def refusal(*certificates: x509.Certificate, anchor: Issuer = ANCHOR) -> str:
    """Why a chain is not believed; told in bounded time."""
    began = time.process_time()
    with pytest.raises(DocumentError) as refused:
        certified(*certificates, anchor=anchor)
    assert time.process_time() - began < SECONDS
    assert refused.value.problem.code == "E_CERTIFICATE_UNTRUSTED"
    return refused.value.problem.because.text()


def reissued(change: Change, *, hash_: HashAlgorithm | None = None) -> x509.Certificate:
    """A good agency's certificate, changed as DER, and signed anew by its authority."""
    raw = asn1.Certificate.load(leaf(ANCHOR, PUBLIC).public_bytes(Encoding.DER))
    change(raw)
    signed = raw["tbs_certificate"].dump(force=True)
    raw["signature_value"] = ANCHOR.private_key.sign(signed, ec.ECDSA(hash_ or SHA256()))
    return x509.load_der_x509_certificate(raw.dump(force=True))


def with_key(info: Any) -> x509.Certificate:
    def change(raw: Any) -> None:
        raw["tbs_certificate"]["subject_public_key_info"] = info

    return reissued(change)


def rsa_key(modulus: int, exponent: int) -> x509.Certificate:
    numbers = asn1_keys.RSAPublicKey({"modulus": modulus, "public_exponent": exponent})
    return with_key(asn1_keys.PublicKeyInfo.wrap(numbers, "rsa"))


def test_the_forgers_workshop_makes_good_certificates_when_asked_to() -> None:
    assert certified(reissued(lambda _: None)).owner == OWNER


# --- the certificate itself ---------------------------------------------------------------------


def serial(number: int) -> Change:
    def change(raw: Any) -> None:
        raw["tbs_certificate"]["serial_number"] = number

    return change


def version_1(raw: Any) -> None:
    raw["tbs_certificate"]["version"] = "v1"
    del raw["tbs_certificate"]["extensions"]


def version_1_with_extensions(raw: Any) -> None:
    raw["tbs_certificate"]["version"] = "v1"


def doubled(raw: Any) -> None:
    extensions = raw["tbs_certificate"]["extensions"]
    extensions.append(extensions[0].copy())


def without_constraints_and_usage(raw: Any) -> None:
    raw["tbs_certificate"]["extensions"] = []


def contradicting(raw: Any) -> None:
    raw["signature_algorithm"]["algorithm"] = "sha384_ecdsa"


@pytest.mark.parametrize(
    "change",
    [
        serial(-5),
        serial(1 << 400),
        version_1,
        version_1_with_extensions,
        doubled,
        without_constraints_and_usage,
        contradicting,
    ],
)
def test_a_malformed_certificate_is_refused_though_its_authority_signed_it(change: Change) -> None:
    assert refusal(reissued(change))


def test_a_signature_by_sha_1_is_refused() -> None:
    def change(raw: Any) -> None:
        for algorithm in (raw["signature_algorithm"], raw["tbs_certificate"]["signature"]):
            algorithm["algorithm"] = "sha1_ecdsa"

    assert "signature algorithm" in refusal(reissued(change, hash_=SHA1()))  # noqa: S303 (the point)


def test_a_signature_by_md5_is_refused() -> None:
    """No library signs with it any more: an authority's name on it is enough to be refused."""

    def change(raw: Any) -> None:
        for algorithm in (raw["signature_algorithm"], raw["tbs_certificate"]["signature"]):
            algorithm["algorithm"] = "md5_rsa"

    assert refusal(reissued(change))


def test_every_flipped_byte_of_a_certificate_is_refused_or_another_certificate() -> None:
    der = bytearray(leaf(ANCHOR, PUBLIC).public_bytes(Encoding.DER))
    for at in range(0, len(der), 3):
        der[at] ^= 0x41
        try:
            changed = x509.load_der_x509_certificate(bytes(der))
        except ValueError:
            pass
        else:
            with pytest.raises(DocumentError, match="E_CERTIFICATE_UNTRUSTED"):
                certified(changed)
        der[at] ^= 0x41


# --- its key ------------------------------------------------------------------------------------

MODULUS = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n


@pytest.mark.parametrize(
    "exponent",
    [
        *(0, 1, 2, 3, 17, 65535, 65536, 2**70 + 1),
        # A name of its own: the modulus differs from run to run, a test's name must not.
        pytest.param(MODULUS - 2, id="modulus less two"),
    ],
)
def test_an_rsa_exponent_that_helps_forgers_or_costs_time_is_refused(exponent: int) -> None:
    """With 1 a padded message is its own signature; with 3 padding can be made up."""
    assert certified(rsa_key(MODULUS, 65537)).algorithms == (Algorithm.PS256, Algorithm.RS256)
    assert refusal(rsa_key(MODULUS, exponent))


@pytest.mark.parametrize(
    "modulus",
    [MODULUS >> 1024 | 1, (MODULUS << 7000) | 1, (1 << 60_000) + 1, MODULUS + 1, 0, 1],
    ids=["1,024 bits", "9,048 bits", "60,001 bits", "even", "zero", "one"],
)
def test_an_rsa_modulus_that_is_short_endless_or_even_is_refused(modulus: int) -> None:
    assert refusal(rsa_key(modulus, 65537))


@pytest.mark.parametrize(
    "point",
    [b"\0", b"\x04" + b"\1" * 64, b"\x04" + b"\0" * 64, b"\x04" + b"\xff" * 64, b"\x02", b""],
    ids=["infinity", "not on the curve", "zero", "beyond the field", "cut off", "nothing"],
)
def test_a_point_that_is_no_key_is_refused(point: bytes) -> None:
    info = asn1_keys.PublicKeyInfo.load(
        asn1.Certificate.load(leaf(ANCHOR, PUBLIC).public_bytes(Encoding.DER))["tbs_certificate"][
            "subject_public_key_info"
        ].dump()
    )
    info["public_key"] = asn1_keys.ECPointBitString(point)

    assert refusal(with_key(info))


def test_one_key_has_one_owner_whatever_certificates_say() -> None:
    """Who holds the key of two owners could sign as either."""
    keys = [
        certify(pem(leaf(ANCHOR, PUBLIC)), authorities=[ANCHOR.certificate], owner=owner)
        for owner in (OWNER, OTHER)
    ]

    assert len(KeyRing([keys[0], certified(leaf(ANCHOR, PUBLIC, starts=NOW))])) == 2
    with pytest.raises(ConfigurationError, match="E_KEYS") as refused:
        KeyRing(keys)
    assert refused.value.problem.because.text() == f"its public key is also that of {OWNER}"


# --- the path -----------------------------------------------------------------------------------


def authority(
    common_name: str,
    *extensions: tuple[x509.ExtensionType, bool],
    issuer: Issuer = ANCHOR,
    ends: datetime = ENDS,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Issuer:
    """An intermediate authority with any extensions, also without those that it needs."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common_name))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ISSUED)
        .not_valid_after(ends)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Issuer(certificate=builder.sign(issuer.private_key, SHA256()), private_key=key)


CA = (x509.BasicConstraints(ca=True, path_length=None), True)


def test_an_authority_that_does_not_say_so_is_none() -> None:
    silent = authority("Silent")
    denying = authority("Denying", (x509.BasicConstraints(ca=False, path_length=None), True))

    for each in (silent, denying):
        assert refusal(leaf(each, PUBLIC), each.certificate)


def test_a_lookalike_with_the_subject_and_key_id_of_an_authority_is_a_stranger() -> None:
    key_id = (x509.SubjectKeyIdentifier(b"the very same"), False)
    true = authority("Issuing", CA, key_id)
    false_root = root()  # its subject is that of the anchor
    false = authority("Issuing", CA, key_id, issuer=false_root)
    forged = leaf(false, PUBLIC)

    assert certified(leaf(true, PUBLIC), false.certificate, true.certificate).owner == OWNER
    assert refusal(forged, false.certificate, false_root.certificate)
    assert refusal(forged, true.certificate)
    assert refusal(leaf(false_root, PUBLIC))


def test_a_self_signed_certificate_vouches_for_nobody() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = Issuer(certificate=root("Test agency").certificate, private_key=key)

    assert refusal(leaf(subject, key.public_key()))


@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize("excluded", [True, False])
def test_an_authority_that_is_constrained_to_other_names_is_not_believed(
    *, critical: bool, excluded: bool
) -> None:
    """Constraints on directory names cannot be judged here, so they are never passed over."""
    agency = x509.DirectoryName(name("Test agency"))
    other = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Other")]))
    constraints = (
        x509.NameConstraints(None, [agency]) if excluded else x509.NameConstraints([other], None)
    )
    narrow = authority("Narrow", CA, (constraints, critical))

    assert refusal(leaf(narrow, PUBLIC), narrow.certificate)


def test_an_authority_that_had_ended_when_the_agency_began_is_not_believed() -> None:
    early = authority("Early", CA, ends=ISSUED + timedelta(days=50))

    assert refusal(leaf(early, PUBLIC, starts=NOW), early.certificate)


def test_a_signature_after_the_end_of_an_authority_above_does_not_count() -> None:
    middle = ISSUED + timedelta(days=50)
    early = authority("Early", CA, ends=middle)

    key = certified(leaf(early, PUBLIC), early.certificate)

    assert key.is_valid_at(middle)
    assert not key.is_valid_at(middle + timedelta(seconds=1))


def test_an_unknown_critical_extension_of_an_authority_is_not_passed_over() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\5\0")
    strange = authority("Strange", CA, (odd, True))

    assert refusal(leaf(strange, PUBLIC), strange.certificate)


def test_authorities_that_sign_each_other_are_judged_in_bounded_time() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    stranger = root("X")
    mesh = [
        authority("X", CA, issuer=Issuer(certificate=stranger.certificate, private_key=by), key=of)
        for of in keys
        for by in keys
    ]

    cause = refusal(leaf(mesh[0], PUBLIC), *(each.certificate for each in mesh))

    assert "candidates exhausted" in cause


def test_a_chain_has_an_end() -> None:
    chain = [ANCHOR]
    for number in range(MAX_CHAIN_CERTIFICATES):
        chain.append(below(chain[-1], f"Level {number}"))
    certificates = [each.certificate for each in reversed(chain[1:])]

    assert certified(leaf(chain[3], PUBLIC), *certificates[-3:]).owner == OWNER
    assert refusal(leaf(chain[-2], PUBLIC), *certificates[1:])
    assert f"more than {MAX_CHAIN_CERTIFICATES}" in refusal(leaf(chain[-1], PUBLIC), *certificates)


def test_a_file_of_certificates_has_a_largest_size() -> None:
    whole = pem(leaf(ANCHOR, PUBLIC))
    padded = whole + b"\n" * (MAX_CERTIFICATE_FILE_BYTES - len(whole))

    owner = MailboxName(OWNER)
    assert certify(padded, authorities=[ANCHOR.certificate], owner=owner).owner == owner
    with pytest.raises(DocumentError, match="longer than"):
        certify(padded + b"\n", authorities=[ANCHOR.certificate], owner=owner)
