"""Signing: what a signature proves, and every way in which it can be wrong."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto import jwk, jws

from bus.core.algorithm import Algorithm, PrivateKey, make_signature
from bus.core.base64url import from_base64url, to_base64url
from bus.core.keyring import KeyRing
from bus.core.signing import CLOCK_TOLERANCE, SigningKey, Verified, sign, verify
from schemas.problem import DocumentError
from tests.support.certificates import ENDS, ISSUED, NOW, OTHER, OWNER, Signer, key_for, signer

BODY = '{"số":"15/2026/CV-UBND"}'.encode() + b"\xff\x00."
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

ALGORITHMS = pytest.mark.parametrize("algorithm", Algorithm)


@pytest.fixture(scope="module")
def agency() -> Signer:
    return signer()


def refusal(signature: str, *, keys: KeyRing, body: bytes = BODY, now: datetime = NOW) -> str:
    """The code with which a signature is refused."""
    with pytest.raises(DocumentError) as refused:
        verify(body, signature, keys=keys, now=now)
    return refused.value.problem.code


def header_of(agency: Signer, **changes: object) -> dict[str, object]:
    """The header that `sign` would write, with some things changed; `None` leaves one out."""
    header: dict[str, object] = {
        "alg": str(agency.key.algorithm),
        "b64": False,
        "crit": ["b64"],
        "x5t#S256": agency.key.thumbprint,
        "iat": int(NOW.timestamp()),
    }
    header |= {name.replace("x5t", "x5t#S256"): value for name, value in changes.items()}
    return {name: value for name, value in header.items() if value is not None}


def signed_with(header: str, agency: Signer, *, payload: bytes = BODY) -> str:
    """A signature that is right in all but its header."""
    protected = to_base64url(header.encode("utf-8", "surrogatepass"))
    made = make_signature(
        protected.encode() + b"." + payload,
        key=agency.private_key,
        algorithm=agency.key.algorithm,
    )
    return f"{protected}..{to_base64url(made)}"


def changed(agency: Signer, **changes: object) -> str:
    """A right signature over a header in which some things are changed."""
    return signed_with(json.dumps(header_of(agency, **changes)), agency)


def jwk_of(key: PrivateKey) -> jwk.JWK:
    return jwk.JWK.from_pyca(key)


# --- what it proves -----------------------------------------------------------------------------


@ALGORITHMS
def test_a_verified_body_names_its_owner_its_time_and_its_certificate(algorithm: Algorithm) -> None:
    agency = signer(algorithm)
    signature = sign(BODY, key=agency.key, now=NOW + timedelta(microseconds=700))

    verified = verify(BODY, signature, keys=agency.ring, now=NOW)

    assert verified.body == BODY
    assert verified.owner == OWNER
    assert verified.signed_at == NOW
    assert verified.thumbprint == agency.key.thumbprint


def test_nobody_but_verify_makes_a_verified() -> None:
    with pytest.raises(TypeError, match="only verify"):
        Verified(body=BODY, owner=OWNER, signed_at=NOW, thumbprint="", proof=object())


def test_neither_keys_nor_bodies_show_in_a_representation(agency: Signer) -> None:
    verified = verify(BODY, sign(BODY, key=agency.key, now=NOW), keys=agency.ring, now=NOW)

    assert "2026/CV" not in repr(verified)
    assert "private_key" not in repr(agency.key)


def test_signing_twice_in_a_second_gives_the_same_signature(agency: Signer) -> None:
    assert sign(BODY, key=agency.key, now=NOW) == sign(BODY, key=agency.key, now=NOW)


def test_the_header_says_what_the_wire_contract_asks(agency: Signer) -> None:
    protected, payload, _ = sign(BODY, key=agency.key, now=NOW).split(".")

    assert payload == ""
    assert json.loads(from_base64url(protected)) == header_of(agency)


def test_an_empty_body_can_be_signed(agency: Signer) -> None:
    assert verify(b"", sign(b"", key=agency.key, now=NOW), keys=agency.ring, now=NOW).body == b""


def test_a_signing_key_of_another_kind_than_its_algorithm_cannot_exist() -> None:
    with pytest.raises(ValueError, match="PS256"):
        SigningKey(private_key=key_for(Algorithm.ES256), thumbprint="", algorithm=Algorithm.PS256)


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),  # noqa: S505 - weak on purpose
        ec.generate_private_key(ec.SECP384R1()),
    ],
)
def test_a_weak_or_unknown_key_cannot_sign(key: PrivateKey) -> None:
    for algorithm in Algorithm:
        with pytest.raises(ValueError, match="cannot sign"):
            SigningKey(private_key=key, thumbprint="", algorithm=algorithm)


def test_a_clock_without_time_zone_is_a_programmers_error(agency: Signer) -> None:
    with pytest.raises(TypeError):
        sign(BODY, key=agency.key, now=NOW.replace(tzinfo=None))


# --- other libraries ----------------------------------------------------------------------------


@ALGORITHMS
def test_another_library_verifies_our_signature(algorithm: Algorithm) -> None:
    agency = signer(algorithm)
    token = jws.JWS()
    token.allowed_algs = [str(algorithm)]

    token.deserialize(sign(BODY, key=agency.key, now=NOW))
    token.verify(jwk_of(agency.private_key), detached_payload=BODY)

    assert token.is_valid


@ALGORITHMS
def test_we_verify_the_signature_of_another_library(algorithm: Algorithm) -> None:
    agency = signer(algorithm)
    token = jws.JWS(BODY)
    token.allowed_algs = [str(algorithm)]
    token.add_signature(
        jwk_of(agency.private_key), protected=json.dumps(header_of(agency, typ="JOSE"))
    )
    token.detach_payload()

    signature = token.serialize(compact=True)

    assert verify(BODY, signature, keys=agency.ring, now=NOW).owner == OWNER


# --- the signature ------------------------------------------------------------------------------


def test_no_signature_has_a_code_of_its_own(agency: Signer) -> None:
    assert refusal("", keys=agency.ring) == "E_SIGNATURE_MISSING"


@ALGORITHMS
def test_every_flipped_bit_is_refused(algorithm: Algorithm) -> None:
    agency = signer(algorithm)
    body = b'{"n":1}'
    signature = sign(body, key=agency.key, now=NOW)

    for place in range(8 * len(body)):
        flipped = bytearray(body)
        flipped[place // 8] ^= 1 << place % 8
        assert refusal(signature, keys=agency.ring, body=bytes(flipped)) == "E_SIGNATURE_INVALID"
    for place in range(8 * len(signature)):
        letters = [ord(letter) for letter in signature]
        letters[place // 8] ^= 1 << place % 8
        refusal("".join(map(chr, letters)), keys=agency.ring, body=body)


@ALGORITHMS
def test_a_signature_cut_short_or_made_longer_is_refused(algorithm: Algorithm) -> None:
    agency = signer(algorithm)
    protected, _, made = sign(BODY, key=agency.key, now=NOW).partition("..")
    raw = from_base64url(made)

    for wrong in (b"", raw[:-1], raw[1:], raw + b"\0", b"\0" + raw, raw + raw):
        signature = f"{protected}..{to_base64url(wrong)}"
        assert refusal(signature, keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_the_signature_of_another_body_is_refused(agency: Signer) -> None:
    signature = sign(b"another body", key=agency.key, now=NOW)

    assert refusal(signature, keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_a_signature_under_the_name_of_another_agencys_certificate_is_refused(
    agency: Signer,
) -> None:
    other = signer(owner=OTHER, private_key=ec.generate_private_key(ec.SECP256R1()))
    both = KeyRing([*agency.ring.values(), *other.ring.values()])
    signature = signed_with(json.dumps(header_of(other)), agency)

    assert refusal(signature, keys=both) == "E_SIGNATURE_INVALID"


def test_another_agencys_true_signature_names_that_agency(agency: Signer) -> None:
    other = signer(owner=OTHER, private_key=ec.generate_private_key(ec.SECP256R1()))
    both = KeyRing([*agency.ring.values(), *other.ring.values()])

    verified = verify(BODY, sign(BODY, key=other.key, now=NOW), keys=both, now=NOW)

    assert verified.owner == OTHER


@pytest.mark.parametrize(
    ("r", "s"),
    [
        (0, 0),  # CVE-2022-21449, "psychic signatures"
        (0, 1),
        (1, 0),
        (1, 1),
        (P256_ORDER, P256_ORDER),
        (P256_ORDER, 1),
        (1, P256_ORDER),
        (2**256 - 1, 2**256 - 1),
    ],
)
def test_degenerate_ecdsa_numbers_are_refused(agency: Signer, r: int, s: int) -> None:
    protected, _, _ = sign(BODY, key=agency.key, now=NOW).partition("..")
    signature = f"{protected}..{to_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    assert refusal(signature, keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_an_ecdsa_signature_in_der_is_refused(agency: Signer) -> None:
    protected, _, _ = sign(BODY, key=agency.key, now=NOW).partition("..")
    key = agency.private_key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    der = key.sign(protected.encode() + b"." + BODY, ec.ECDSA(hashes.SHA256()))

    assert refusal(f"{protected}..{to_base64url(der)}", keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_the_twin_of_an_ecdsa_signature_proves_the_same_body(agency: Signer) -> None:
    """RFC 7518 does not ask for the smaller s, so the twin must pass, as in any JWS library."""
    signature = sign(BODY, key=agency.key, now=NOW)
    protected, _, made = signature.partition("..")
    raw = from_base64url(made)
    twin = P256_ORDER - int.from_bytes(raw[32:], "big")
    signature_of_twin = f"{protected}..{to_base64url(raw[:32] + twin.to_bytes(32, 'big'))}"

    verified = verify(BODY, signature_of_twin, keys=agency.ring, now=NOW)

    assert verified == verify(BODY, signature, keys=agency.ring, now=NOW)


# --- the compact form ---------------------------------------------------------------------------


def attached(protected: str, made: str) -> str:
    return f"{protected}.{to_base64url(BODY)}.{made}"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda protected, made: f"{protected}.{made}",
        lambda protected, made: f"{protected}..{made}.",
        lambda protected, made: f"{protected}...{made}",
        lambda protected, made: f".{protected}..{made}",
        lambda _, made: f"..{made}",
        lambda protected, _: f"{protected}..",
        attached,
        lambda protected, made: f"{protected}..{made}=",
        lambda protected, made: f"{protected}..{made}==",
        lambda protected, made: f"{protected}=..{made}",
        lambda protected, made: f"{protected}.. {made}",
        lambda protected, made: f"{protected}..{made}\n",
        lambda protected, made: f" {protected}..{made}",
        lambda protected, made: f"{protected}\r\n..{made}",
        lambda protected, made: f"{protected}..{made[:40]}\n{made[40:]}",
        lambda protected, made: f"{protected}..{made}\0",
        lambda protected, made: f"{protected}..{made[:-1]}é",
        lambda protected, made: f"{protected}..{chr(0xFF00 + ord(made[0]) - 0x20)}{made[1:]}",
        lambda protected, made: f"{protected}..{made[:-1]}{chr(ord(made[-1]) + 1)}",
        lambda protected, made: json.dumps({"protected": protected, "signature": made}),
        lambda protected, made: "\ud800" + f"{protected}..{made}",
    ],
)
def test_anything_but_the_one_compact_spelling_is_refused(
    agency: Signer, spoil: Callable[[str, str], str]
) -> None:
    protected, _, made = sign(BODY, key=agency.key, now=NOW).partition("..")

    assert refusal(spoil(protected, made), keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_the_standard_base64_alphabet_is_refused(agency: Signer) -> None:
    for second in range(1000):
        signature = sign(BODY, key=agency.key, now=ISSUED + timedelta(seconds=second))
        protected, _, made = signature.partition("..")
        raw = base64.b64encode(from_base64url(made)).decode().rstrip("=")
        if raw != made:
            break

    assert refusal(f"{protected}..{raw}", keys=agency.ring) == "E_SIGNATURE_INVALID"


# --- the header ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "alg",
    [
        *("none", "None", "NONE", "nOnE", "", "es256", "ES256 ", " ES256", "ES256K", "ES384"),
        *("ES512", "PS384", "PS512", "RS384", "RS512", "RS1", "HS256", "HS384", "HS512"),
        *("Ed25519", "Ed448", "ECDH-ES", "ES256\u0000", "\ud800", "x" * 2000),
        *(["ES256"], {"ES256": 1}, 256, True, 0.5, None),
    ],
)
def test_any_other_algorithm_is_refused_and_told_safely(agency: Signer, alg: object) -> None:
    with pytest.raises(DocumentError) as refused:
        verify(BODY, changed(agency, alg=alg), keys=agency.ring, now=NOW)

    problem = refused.value.problem
    assert problem.code == "E_SIGNATURE_ALGORITHM"
    assert problem.params["alg"].isascii()
    assert len(problem.params["alg"]) <= 64


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_no_signature_under_the_algorithm_none_is_refused(agency: Signer, alg: str) -> None:
    """RFC 8725, 2.1: none, in any case, with nothing after the dots."""
    protected = to_base64url(json.dumps(header_of(agency, alg=alg)).encode())

    assert refusal(f"{protected}..", keys=agency.ring) == "E_SIGNATURE_ALGORITHM"


@ALGORITHMS
def test_a_public_key_is_never_read_as_a_shared_secret(algorithm: Algorithm) -> None:
    """CVE-2016-10555: HMAC with the public key's own bytes as the secret."""
    agency = signer(algorithm)
    public = agency.private_key.public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    protected = to_base64url(json.dumps(header_of(agency, alg="HS256")).encode())
    mac = hmac.HMAC(secret, hashes.SHA256())
    mac.update(protected.encode() + b"." + BODY)

    signature = f"{protected}..{to_base64url(mac.finalize())}"

    assert refusal(signature, keys=agency.ring) == "E_SIGNATURE_ALGORITHM"


@ALGORITHMS
@pytest.mark.parametrize("claimed", Algorithm)
def test_an_algorithm_that_is_not_the_keys_is_refused(
    algorithm: Algorithm, claimed: Algorithm
) -> None:
    agency = signer(algorithm)
    rsa_both = {algorithm, claimed} == {Algorithm.PS256, Algorithm.RS256}
    if claimed is algorithm:
        verify(BODY, changed(agency, alg=claimed), keys=agency.ring, now=NOW)
        return

    code = refusal(changed(agency, alg=claimed), keys=agency.ring)

    assert code == ("E_SIGNATURE_INVALID" if rsa_both else "E_SIGNATURE_ALGORITHM")


@pytest.mark.parametrize(
    "changes",
    [
        {"b64": None},
        {"b64": True},
        {"b64": 0},
        {"b64": "false"},
        {"crit": None},
        {"crit": []},
        {"crit": "b64"},
        {"crit": ["b64", "b64"]},
        {"crit": ["b64", "exp"]},
        {"crit": ["http://example.invalid/must-understand"]},
        {"crit": {"b64": True}},
        {"b64": None, "crit": None},
        {"x5t": None},
        {"x5t": 5},
        {"x5t": ["a"]},
        {"iat": None},
        {"iat": "1772440200"},
        {"iat": 1772440200.0},
        {"iat": True},
        {"iat": [1772440200]},
        {"iat": 10**12},
        {"iat": 10**300},
        {"iat": -(10**300)},
        {"jwk": {}},
        {"jku": "https://example.invalid/keys"},
        {"x5u": "https://example.invalid/certificate"},
        {"x5c": []},
    ],
)
def test_a_header_outside_the_wire_contract_is_refused(
    agency: Signer, changes: dict[str, object]
) -> None:
    assert refusal(changed(agency, **changes), keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_a_key_in_the_header_is_refused_even_if_it_made_the_signature(agency: Signer) -> None:
    """CVE-2018-0114: the forger brings the key along."""
    forger = ec.generate_private_key(ec.SECP256R1())
    forged = Signer(
        key=SigningKey(
            private_key=forger,
            thumbprint=agency.key.thumbprint,
            algorithm=Algorithm.ES256,
        ),
        private_key=forger,
        ring=agency.ring,
    )
    public = json.loads(jwk_of(forger).export_public())

    assert refusal(changed(forged, jwk=public), keys=agency.ring) == "E_SIGNATURE_INVALID"
    assert refusal(changed(forged), keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_a_signature_over_the_encoded_body_is_refused(agency: Signer) -> None:
    """Without b64 false the same bytes would mean another body (RFC 7797, 8)."""
    encoded = to_base64url(BODY).encode()
    plain = json.dumps(header_of(agency, b64=None, crit=None))
    claimed = json.dumps(header_of(agency))

    for header in (plain, claimed):
        signature = signed_with(header, agency, payload=encoded)
        assert refusal(signature, keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_an_attached_payload_is_refused_with_its_own_signature_too(agency: Signer) -> None:
    header = json.dumps(header_of(agency, b64=None, crit=None))
    protected, _, made = signed_with(header, agency, payload=to_base64url(BODY).encode()).partition(
        ".."
    )

    assert refusal(attached(protected, made), keys=agency.ring) == "E_SIGNATURE_INVALID"


def twice(name: str, value: str) -> Callable[[str], str]:
    return lambda header: header.replace("{", f'{{"{name}": {value}, ', 1)


@pytest.mark.parametrize(
    "spoil",
    [
        twice("alg", '"none"'),
        twice("alg", '"ES256"'),
        twice("x5t#S256", '"AAAA"'),
        twice("b64", "true"),
        twice("iat", "0"),
        twice("\\u0061lg", '"none"'),
        lambda header: header.replace("{", '{"x": {"y": 1, "y": 2}, ', 1),
        lambda header: header.replace("{", '{"x": NaN, ', 1),
        lambda header: header.replace("{", '{"x": Infinity, ', 1),
        lambda header: f"[{header}]",
        lambda header: f"{header}{header}",
        lambda header: f"{header}\0",
        lambda header: f"\ufeff{header}",
        lambda header: header.replace("{", '{"x": "\ud800", ', 1),
        lambda header: header[:-1],
        lambda header: header[:-1] + ",}",
        lambda header: header.replace('"', "'"),
        lambda _: "",
        lambda _: "null",
        lambda _: "ES256",
        lambda _: "[" * 3000,
        lambda _: '{"a":' * 600,
        lambda _: '{"iat":' + "9" * 3000 + "}x",
    ],
)
def test_a_header_that_two_readers_could_read_in_two_ways_is_refused(
    agency: Signer, spoil: Callable[[str], str]
) -> None:
    header = spoil(json.dumps(header_of(agency)))

    assert refusal(signed_with(header, agency), keys=agency.ring) == "E_SIGNATURE_INVALID"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_a_header_in_another_encoding_is_refused(agency: Signer, encoding: str) -> None:
    protected = to_base64url(json.dumps(header_of(agency)).encode(encoding))
    made = make_signature(
        f"{protected}.".encode() + BODY,
        key=agency.private_key,
        algorithm=agency.key.algorithm,
    )

    assert refusal(f"{protected}..{to_base64url(made)}", keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_a_header_is_read_up_to_four_kibibytes(agency: Signer) -> None:
    longest = len("x" * (4096 * 3 // 4)) - len(json.dumps(header_of(agency, x="")))

    verify(BODY, changed(agency, x="x" * longest), keys=agency.ring, now=NOW)

    longer = changed(agency, x="x" * (longest + 1))
    assert refusal(longer, keys=agency.ring) == "E_SIGNATURE_INVALID"


def test_unknown_names_and_white_space_in_the_header_are_no_fault(agency: Signer) -> None:
    """RFC 7515, 4: what is not understood and not critical is ignored."""
    header = json.dumps(header_of(agency, kid="seven", typ="JOSE"), indent=2)

    assert verify(BODY, signed_with(header, agency), keys=agency.ring, now=NOW).owner == OWNER


# --- the certificate and the clock --------------------------------------------------------------


@pytest.mark.parametrize("thumbprint", ["", "A" * 43, "\ud800<script>", "x" * 2000])
def test_an_unknown_certificate_has_a_code_of_its_own(agency: Signer, thumbprint: str) -> None:
    with pytest.raises(DocumentError) as refused:
        verify(BODY, changed(agency, x5t=thumbprint), keys=agency.ring, now=NOW)

    problem = refused.value.problem
    assert problem.code == "E_CERTIFICATE_UNKNOWN"
    assert problem.to_json()
    assert len(problem.params["thumbprint"]) <= 64


def test_the_certificate_is_judged_when_it_signed_not_when_it_arrives(agency: Signer) -> None:
    """A document may wait for weeks while its certificate ends."""
    signature = sign(BODY, key=agency.key, now=ENDS)

    verified = verify(BODY, signature, keys=agency.ring, now=ENDS + timedelta(days=60))

    assert verified.signed_at == ENDS


@pytest.mark.parametrize("moment", [ENDS + timedelta(seconds=1), ISSUED - timedelta(seconds=1)])
def test_a_signature_outside_the_certificates_time_is_refused(
    agency: Signer, moment: datetime
) -> None:
    signature = sign(BODY, key=agency.key, now=moment)

    assert refusal(signature, keys=agency.ring, now=moment) == "E_CERTIFICATE_EXPIRED"


def test_a_signers_clock_within_the_tolerance_is_accepted(agency: Signer) -> None:
    signature = sign(BODY, key=agency.key, now=NOW + CLOCK_TOLERANCE)

    assert verify(BODY, signature, keys=agency.ring, now=NOW).signed_at == NOW + CLOCK_TOLERANCE


def test_a_clock_too_far_ahead_has_a_code_of_its_own(agency: Signer) -> None:
    ahead = CLOCK_TOLERANCE + timedelta(seconds=1)
    signature = sign(BODY, key=agency.key, now=NOW + ahead)

    with pytest.raises(DocumentError) as refused:
        verify(BODY, signature, keys=agency.ring, now=NOW)

    assert refused.value.problem.code == "E_CLOCK_SKEW"
    assert refused.value.problem.params["seconds"] == "601"


def test_the_clock_is_judged_only_on_a_proven_signature(agency: Signer) -> None:
    """An unproven time must not tell a forger's story as a clock that is wrong."""
    signature = sign(b"another body", key=agency.key, now=NOW + timedelta(days=1))

    assert refusal(signature, keys=agency.ring) == "E_SIGNATURE_INVALID"
