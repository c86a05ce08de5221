"""The signature algorithms of the wire contract, and the kind of key that each one needs."""

from enum import StrEnum
from typing import Protocol, assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey
PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

MIN_RSA_BITS = 2048
"""RFC 7518, 3.3 and 3.5."""
MAX_RSA_BITS = 8192
"""Larger keys only cost time: with 16,384 bits, verifying a message takes a millisecond."""
_RSA_EXPONENTS = range(65537, 2**64)
"""FIPS 186-5, A.1.1: above 2^16. With 3, a careless verifier accepts forged padding; with 1, the
padded message is its own signature."""

# The y coordinates of points whose order divides 8, including encodings outside the field. With
# such a key, one signature is valid for many bodies, or for all of them.
_PRIME = 2**255 - 19
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = frozenset({0, 1, _PRIME - 1, _PRIME, _PRIME + 1, _ORDER_8, _PRIME - _ORDER_8})

_SHA256 = hashes.SHA256()
# RFC 6979 derives the nonce from the message, so a bad random source cannot disclose the key.
# Verifiers see no difference.
_ECDSA = ECDSA(_SHA256, deterministic_signing=True)
_PKCS1 = padding.PKCS1v15()
_PSS = padding.PSS(mgf=padding.MGF1(_SHA256), salt_length=_SHA256.digest_size)  # RFC 7518, 3.5
_HALF = 32


class Algorithm(StrEnum):
    """The accepted algorithms (RFC 7518, RFC 8037); `none` and HMAC are not among them."""

    ES256 = "ES256"
    EDDSA = "EdDSA"
    PS256 = "PS256"
    RS256 = "RS256"


class TokenPrivateKey(Protocol):
    """A private key that cannot be read, only asked to sign: a key in a token."""

    def public_key(self) -> PublicKey:
        """Its public key."""
        ...

    def make_signature(self, data: bytes, algorithm: Algorithm) -> bytes:
        """Sign with one of `algorithms_of` the key, in the byte form of JWS.

        Blocking; several threads may call it.

        Raises:
            TransportError: The token does not sign now (E_SIGNING_KEY_AWAY).
        """
        ...


def algorithms_of(key: PublicKey) -> tuple[Algorithm, ...]:
    """The algorithms that a public key may verify, preferred first; empty for an unsuitable key.

    Every kind of key has its own algorithms, so a header cannot make a verifier use a key in a way
    that its owner did not intend.
    """
    match key:
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return (Algorithm.ES256,)
        case Ed25519PublicKey():
            y = int.from_bytes(key.public_bytes_raw(), "little") % 2**255
            return () if y in _SMALL_ORDER else (Algorithm.EDDSA,)
        case RSAPublicKey() if (
            MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS
            and key.public_numbers().e in _RSA_EXPONENTS
            and key.public_numbers().n % 2
        ):
            return (Algorithm.PS256, Algorithm.RS256)
        case _:
            return ()


def make_signature(data: bytes, *, key: PrivateKey, algorithm: Algorithm) -> bytes:
    """Sign with one of `algorithms_of` the key, in the byte form of JWS."""
    match key:
        case EllipticCurvePrivateKey():
            r, s = decode_dss_signature(key.sign(data, _ECDSA))
            return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
        case Ed25519PrivateKey():
            return key.sign(data)
        case RSAPrivateKey():
            return key.sign(data, _rsa_padding(algorithm), _SHA256)
        case _:
            assert_never(key)


def is_signature(signature: bytes, data: bytes, *, key: PublicKey, algorithm: Algorithm) -> bool:
    """Whether this key made this signature with one of `algorithms_of` the key.

    For an ES256 signature (r, s), (r, n - s) is valid too, as RFC 7518 allows. So a signature
    proves a body, but it must not be used as an identifier.
    """
    try:
        match key:
            case EllipticCurvePublicKey():
                if len(signature) != 2 * _HALF:
                    return False
                r = int.from_bytes(signature[:_HALF], "big")
                s = int.from_bytes(signature[_HALF:], "big")
                key.verify(encode_dss_signature(r, s), data, _ECDSA)
            case Ed25519PublicKey():
                key.verify(signature, data)
            case RSAPublicKey():
                # RFC 8017, 8.1.2 and 8.2.2, step 1. The library also accepts a signature without
                # its leading zeros, and then a signature would have two forms.
                if len(signature) != (key.key_size + 7) // 8:
                    return False
                key.verify(signature, data, _rsa_padding(algorithm), _SHA256)
            case _:
                assert_never(key)
    except InvalidSignature:
        return False
    return True


def _rsa_padding(algorithm: Algorithm) -> padding.PSS | padding.PKCS1v15:
    return _PSS if algorithm is Algorithm.PS256 else _PKCS1
