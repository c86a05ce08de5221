"""Signatures of forgers who do not have the key: each a known attack on a known carelessness."""

import json
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import count

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bus.core.algorithm import Algorithm, algorithms_of, is_signature
from bus.core.base64url import from_base64url, to_base64url
from bus.core.signing import sign, verify
from schemas.limits import MAX_JWS_HEADER_CHARS, MAX_SIGNATURE_CHARS
from schemas.problem import DocumentError
from tests.support.certificates import NOW, Signer, signer

BODY = b'{"version":"1.0"}'
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SIZE = 256


@pytest.fixture(scope="module")
def rsa_agency() -> Signer:
    return signer(Algorithm.RS256)


def refusal(signature: str, agency: Signer) -> str:
    with pytest.raises(DocumentError) as refused:
        verify(BODY, signature, keys=agency.ring, now=NOW)
    return refused.value.problem.code


def parts(agency: Signer) -> tuple[str, bytes, bytes]:
    """A true protected header, what is signed under it, and the true signature."""
    protected, _, made = sign(BODY, key=agency.key, now=NOW).partition("..")
    return protected, protected.encode() + b"." + BODY, from_base64url(made)


def padded(digest: bytes, *, info: bytes = SHA256_INFO, fill: int | None = None) -> bytes:
    """Padding of PKCS #1 1.5, with as many filling bytes as asked for, the rest behind."""
    tail = b"\0" + info + digest
    filling = b"\xff" * (SIZE - 2 - len(tail) if fill is None else fill)
    return (b"\0\1" + filling + tail).ljust(SIZE, b"\0")


def cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        if middle**3 < number:
            low = middle + 1
        else:
            high = middle
    return low


def test_padding_made_up_for_the_exponent_three_is_refused() -> None:
    """Bleichenbacher, 2006: a cube root of a block that is right as far as careless readers look.

    Such a key cannot get into a ring; the arithmetic below would not believe it either.
    """
    public = rsa.generate_private_key(public_exponent=3, key_size=2048).public_key()
    block = padded(sha256(BODY).digest(), fill=8)
    forged = cube_root(int.from_bytes(block, "big")).to_bytes(SIZE, "big")

    seen = (int.from_bytes(forged, "big") ** 3).to_bytes(SIZE, "big")
    assert seen.startswith(b"\0\1" + b"\xff" * 8 + b"\0" + SHA256_INFO)
    assert not is_signature(forged, BODY, key=public, algorithm=Algorithm.RS256)


def test_rsa_padding_that_is_nearly_right_is_refused(rsa_agency: Signer) -> None:
    """Signed with the very key, so only the padding is wrong (RFC 8017, 8.2.2)."""
    protected, signed, _ = parts(rsa_agency)
    key = rsa_agency.key.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers, digest = key.private_numbers(), sha256(signed).digest()

    def forged(block: bytes) -> str:
        value = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
        return f"{protected}..{to_base64url(value.to_bytes(SIZE, 'big'))}"

    right = padded(digest)
    no_null = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20"
    wrong = [
        padded(digest, fill=8),
        b"\0\2" + right[2:],
        b"\1" + right[1:],
        right[:10] + b"\0" + right[11:],
        right[:10] + b"\xfe" + right[11:],
        padded(digest, info=no_null),
        padded(digest, info=b""),
        padded(digest[:-1] + bytes([digest[-1] ^ 1])),
        padded(sha256(digest).digest()),
        bytes(SIZE),
    ]
    assert verify(BODY, forged_with(rsa_agency), keys=rsa_agency.ring, now=NOW).body == BODY
    assert {refusal(forged(block), rsa_agency) for block in wrong} == {"E_SIGNATURE_INVALID"}


def forged_with(agency: Signer, header: dict[str, object] | None = None) -> str:
    """A signature by the agency's own RSA key, PKCS #1 1.5, under any header."""
    key = agency.key.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    protected = parts(agency)[0]
    if header is not None:
        protected = to_base64url(json.dumps(header).encode())
    made = key.sign(protected.encode() + b"." + BODY, padding.PKCS1v15(), hashes.SHA256())
    return f"{protected}..{to_base64url(made)}"


def header_of(agency: Signer) -> dict[str, object]:
    found: dict[str, object] = json.loads(from_base64url(parts(agency)[0]))
    return found


def test_one_rsa_padding_never_passes_for_the_other(rsa_agency: Signer) -> None:
    as_pss = header_of(rsa_agency) | {"alg": "PS256"}
    as_pkcs1 = header_of(rsa_agency) | {"alg": "RS256"}
    key = rsa_agency.key.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    protected = to_base64url(json.dumps(as_pkcs1).encode())
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    made = key.sign(protected.encode() + b"." + BODY, pss, hashes.SHA256())

    true = forged_with(rsa_agency, as_pkcs1)
    assert verify(BODY, true, keys=rsa_agency.ring, now=NOW).body == BODY
    assert refusal(forged_with(rsa_agency, as_pss), rsa_agency) == "E_SIGNATURE_INVALID"
    assert refusal(f"{protected}..{to_base64url(made)}", rsa_agency) == "E_SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("mask", "salt"),
    [
        (hashes.SHA384(), 32),
        (hashes.SHA256(), 0),
        (hashes.SHA256(), 20),
        (hashes.SHA256(), 64),
    ],
)
def test_a_pss_signature_with_another_salt_or_mask_is_refused(
    rsa_agency: Signer, mask: hashes.HashAlgorithm, salt: int
) -> None:
    """RFC 7518, 3.5: the hash, its mask and a salt as long as the hash; nothing is negotiated."""
    protected = to_base64url(json.dumps(header_of(rsa_agency) | {"alg": "PS256"}).encode())
    key = rsa_agency.key.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    pss = padding.PSS(mgf=padding.MGF1(mask), salt_length=salt)
    made = key.sign(protected.encode() + b"." + BODY, pss, hashes.SHA256())

    assert refusal(f"{protected}..{to_base64url(made)}", rsa_agency) == "E_SIGNATURE_INVALID"


@pytest.mark.parametrize("change", ["zero", "one", "modulus", "modulus plus", "short", "long"])
def test_an_rsa_number_out_of_range_is_refused(rsa_agency: Signer, change: str) -> None:
    protected, _, made = parts(rsa_agency)
    public = rsa_agency.key.private_key.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    modulus = public.public_numbers().n
    value = int.from_bytes(made, "big")
    changed = {
        "zero": bytes(SIZE),
        "one": (1).to_bytes(SIZE, "big"),
        "modulus": modulus.to_bytes(SIZE, "big"),
        "modulus plus": (value + modulus).to_bytes(SIZE + 1, "big"),
        "short": made[1:],
        "long": b"\0" + made,
    }[change]

    assert refusal(f"{protected}..{to_base64url(changed)}", rsa_agency) == "E_SIGNATURE_INVALID"


def test_an_rsa_signature_without_its_leading_zero_is_refused(rsa_agency: Signer) -> None:
    """One in 256 begins with a zero; RFC 8017, 8.2.2, step 1, wants it whole."""
    key = rsa_agency.key.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    signed = ((body, key.sign(body, padding.PKCS1v15(), hashes.SHA256())) for body in _bodies())
    body, made = next((body, made) for body, made in signed if made[0] == 0)

    def holds(signature: bytes) -> bool:
        return is_signature(signature, body, key=key.public_key(), algorithm=Algorithm.RS256)

    assert holds(made)
    assert not holds(made[1:])
    assert not holds(b"\0" + made)


def _bodies() -> Iterator[bytes]:
    return (b"%d" % number for number in count())


# --- Ed25519 ------------------------------------------------------------------------------------

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def test_the_twin_of_an_ed25519_signature_is_refused() -> None:
    """RFC 8032, 5.1.7: s must be below the order; otherwise every signature has many spellings."""
    agency = signer(Algorithm.EDDSA)
    protected, _, made = parts(agency)
    s = int.from_bytes(made[32:], "little") + ED25519_ORDER
    twin = made[:32] + s.to_bytes(32, "little")

    assert refusal(f"{protected}..{to_base64url(twin)}", agency) == "E_SIGNATURE_INVALID"


SMALL = (
    b"\1" + bytes(31),
    b"\1" + bytes(30) + b"\x80",
    bytes(32),
    bytes(31) + b"\x80",
    *(bytes((y,)) + b"\xff" * 30 + last for y in (0xEC, 0xED, 0xEE) for last in (b"\x7f", b"\xff")),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
)  # fmt: skip


@pytest.mark.parametrize("point", SMALL)
def test_a_point_of_small_order_is_no_key(point: bytes) -> None:
    """Under some of them one signature holds for any body: whoever owns such a key denies all."""
    assert algorithms_of(Ed25519PublicKey.from_public_bytes(point)) == ()


def test_the_reason_is_real() -> None:
    key = Ed25519PublicKey.from_public_bytes(SMALL[0])

    for body in (b"", b"anything", BODY):
        assert is_signature(SMALL[0] + bytes(32), body, key=key, algorithm=Algorithm.EDDSA)


# --- ECDSA --------------------------------------------------------------------------------------


def test_a_signature_on_another_curve_is_refused() -> None:
    agency = signer()
    protected, signed, _ = parts(agency)
    for curve in (ec.SECP256K1(), ec.SECP384R1(), ec.SECP224R1()):
        made = ec.generate_private_key(curve).sign(signed, ec.ECDSA(hashes.SHA256()))
        for form in (made, made[:64], made.rjust(64, b"\0")[-64:]):
            assert refusal(f"{protected}..{to_base64url(form)}", agency) == "E_SIGNATURE_INVALID"


def test_a_signature_with_another_hash_is_refused() -> None:
    agency = signer()
    protected, signed, _ = parts(agency)
    key = agency.key.private_key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    for algorithm in (hashes.SHA384(), hashes.SHA512(), hashes.SHA224(), hashes.SHA3_256()):
        made = key.sign(signed, ec.ECDSA(algorithm))
        r_and_s = to_base64url(made[-64:])
        assert refusal(f"{protected}..{r_and_s}", agency) == "E_SIGNATURE_INVALID"


# --- what costs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"ES256","zip":"DEF"}',
        '{"alg":"ES256","b64":true,"crit":["b64"]}',
        '{"alg":"ES256","b64":false,"crit":["b64","b64"]}',
        '{"alg":"ES256","b64":false,"crit":["b64","zip"],"zip":"DEF"}',
        '{"alg":"ES256","b64":false,"crit":[]}',
        '{"alg":"ES256","b64":0,"crit":["b64"]}',
        '{"alg":"ES256","b64":"false","crit":"b64"}',
        '{"alg":"ES256","b64":false,"crit":["b64"],"jku":"http://127.0.0.1:9/"}',
        '{"alg":"ES256","b64":false,"crit":["b64"],"x5u":"http://127.0.0.1:9/"}',
        '{"alg":"ES256","b64":false,"crit":["b64"],"x5c":["MA=="]}',
        '{"alg":"ES256","b64":false,"crit":["b64"],"jwk":{"kty":"oct","k":"AA"}}',
        '{"alg":"ES256","alg":"none","b64":false,"crit":["b64"]}',
        '{"b64":false,"crit":["b64"],"x5t#S256":' + "[" * 1000 + "}",
        '{"alg":"ES256","b64":false,"crit":["b64"],"iat":' + "9" * 2000 + "}",
        '{"alg":"ES256","b64":false,"crit":["b64"],"iat":1e999,"x5t#S256":"a"}',
        '{"alg":"ES256","b64":false,"crit":["b64"],"iat":NaN,"x5t#S256":"a"}',
        "[]",
        "null",
        "0",
        "",
    ],
)
def test_a_header_that_confuses_or_costs_is_refused_at_once(header: str) -> None:
    agency = signer()
    began = time.process_time()

    code = refusal(f"{to_base64url(header.encode())}..{to_base64url(bytes(64))}", agency)

    assert code == "E_SIGNATURE_INVALID"
    assert time.process_time() - began < 0.5


def test_a_header_is_never_unpacked_whatever_its_length() -> None:
    agency = signer()
    for size in (MAX_JWS_HEADER_CHARS + 1, MAX_SIGNATURE_CHARS, MAX_SIGNATURE_CHARS * 1000):
        assert refusal("e" * size, agency) == "E_SIGNATURE_INVALID"
