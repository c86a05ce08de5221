"""Signing holds for every body, and falls with every change."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import assume, given
from hypothesis import strategies as st

from bus.core.algorithm import Algorithm, make_signature
from bus.core.base64url import from_base64url, to_base64url
from bus.core.keyring import certify
from bus.core.signing import sign, verify
from schemas.problem import DocumentError
from tests.support.certificates import (
    ENDS,
    ISSUED,
    NOW,
    OWNER,
    below,
    key_for,
    leaf,
    pem,
    root,
    signer,
)

SIGNERS = {algorithm: signer(algorithm) for algorithm in Algorithm}

ANCHOR = root()
ANCHORS = [ANCHOR.certificate]
INTERMEDIATE = below(ANCHOR)
LEAF = leaf(INTERMEDIATE, key_for(Algorithm.ES256).public_key(), "LT:VN-H24.05")

algorithms = st.sampled_from(Algorithm)
bodies = st.binary(max_size=2048)
letters = st.characters(codec=None)
moments = st.datetimes(
    min_value=ISSUED.replace(tzinfo=None),
    max_value=ENDS.replace(tzinfo=None),
    timezones=st.just(UTC),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(max_value=10**9) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
"""No number among them is a time at which the certificates were valid."""


@given(data=bodies)
def test_base64url_has_one_spelling_and_gives_the_bytes_back(data: bytes) -> None:
    text = to_base64url(data)

    assert from_base64url(text) == data


@given(text=st.text(alphabet="ABgw-_=+/ \n", max_size=9) | st.text(alphabet=letters, max_size=9))
def test_two_texts_never_mean_the_same_bytes(text: str) -> None:
    try:
        data = from_base64url(text)
    except ValueError:
        return

    assert to_base64url(data) == text


@given(body=bodies, algorithm=algorithms, now=moments)
def test_what_was_signed_is_verified(body: bytes, algorithm: Algorithm, now: datetime) -> None:
    agency = SIGNERS[algorithm]

    verified = verify(body, sign(body, key=agency.key, now=now), keys=agency.ring, now=now)

    assert verified.body == body
    assert verified.signed_at == now.replace(microsecond=0)


@given(body=bodies.filter(bool), algorithm=algorithms, data=st.data())
def test_any_flipped_bit_of_a_body_is_refused(
    body: bytes, algorithm: Algorithm, data: st.DataObject
) -> None:
    agency = SIGNERS[algorithm]
    signature = sign(body, key=agency.key, now=NOW)
    place = data.draw(st.integers(0, 8 * len(body) - 1))
    flipped = bytearray(body)
    flipped[place // 8] ^= 1 << place % 8

    with pytest.raises(DocumentError):
        verify(bytes(flipped), signature, keys=agency.ring, now=NOW)


@given(algorithm=algorithms, data=st.data(), letter=letters)
def test_any_other_letter_anywhere_in_a_signature_is_refused(
    algorithm: Algorithm, data: st.DataObject, letter: str
) -> None:
    agency = SIGNERS[algorithm]
    signature = sign(b"body", key=agency.key, now=NOW)
    place = data.draw(st.integers(0, len(signature) - 1))
    assume(signature[place] != letter)

    with pytest.raises(DocumentError):
        verify(
            b"body", signature[:place] + letter + signature[place + 1 :], keys=agency.ring, now=NOW
        )


@given(body=bodies, other=bodies, algorithm=algorithms)
def test_a_signature_never_moves_to_another_body(
    body: bytes, other: bytes, algorithm: Algorithm
) -> None:
    assume(body != other)
    agency = SIGNERS[algorithm]
    signature = sign(body, key=agency.key, now=NOW)

    with pytest.raises(DocumentError):
        verify(other, signature, keys=agency.ring, now=NOW)


@given(text=st.text(alphabet=letters) | st.from_regex(r"[\w-]*\.\.[\w-]*"))
def test_any_text_in_place_of_a_signature_is_refused_in_order(text: str) -> None:
    with pytest.raises(DocumentError) as refused:
        verify(b"body", text, keys=SIGNERS[Algorithm.ES256].ring, now=NOW)

    assert refused.value.problem.to_json()


@given(name=st.sampled_from(["alg", "b64", "crit", "x5t#S256", "iat"]), value=json_values)
def test_any_other_value_in_a_signed_header_is_refused_in_order(name: str, value: object) -> None:
    agency = SIGNERS[Algorithm.ES256]
    protected, _, _ = sign(b"body", key=agency.key, now=NOW).partition("..")
    header = json.loads(from_base64url(protected))
    assume(header[name] != value)
    protected = to_base64url(json.dumps(header | {name: value}).encode())
    made = make_signature(
        f"{protected}.body".encode(),
        key=agency.private_key,
        algorithm=agency.key.algorithm,
    )

    with pytest.raises(DocumentError) as refused:
        verify(b"body", f"{protected}..{to_base64url(made)}", keys=agency.ring, now=NOW)

    assert refused.value.problem.to_json()


@pytest.mark.filterwarnings("ignore")
@given(data=st.data())
def test_a_flipped_bit_never_makes_another_certificate(data: st.DataObject) -> None:
    """DER as OpenSSL reads it has a few second spellings, of which none says anything else."""
    chain = [LEAF.public_bytes(Encoding.DER), INTERMEDIATE.certificate.public_bytes(Encoding.DER)]
    which = data.draw(st.integers(0, 1))
    place = data.draw(st.integers(0, 8 * len(chain[which]) - 1))
    flipped = bytearray(chain[which])
    flipped[place // 8] ^= 1 << place % 8
    chain[which] = bytes(flipped)
    intact = certify(pem(LEAF, INTERMEDIATE.certificate), authorities=ANCHORS, owner=OWNER)

    try:
        key = certify(b"".join(map(pem_of, chain)), authorities=ANCHORS, owner=OWNER)
    except DocumentError:
        return

    assert replace(key, thumbprint=intact.thumbprint) == intact


def pem_of(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"
