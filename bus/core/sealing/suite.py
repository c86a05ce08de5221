"""The cipher suites of sealing, and their keys.

All algorithms come from the library: HPKE (RFC 9180) with X25519, or with the hybrid of ML-KEM-768
(FIPS 203) and X25519, which is secure as long as one of the two is.
"""

from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

HpkePublicKey = X25519PublicKey | MLKEM768X25519PublicKey
HpkePrivateKey = X25519PrivateKey | MLKEM768X25519PrivateKey

_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_SEED_BYTES = 64
"""FIPS 203, table 3; for the seed (d and z) algorithm 16."""


class SealingSuite(StrEnum):
    """The known suites, strongest first."""

    HYBRID = "hpke-mlkem768-x25519-hkdf-sha256-aes256gcm"
    X25519 = "hpke-x25519-hkdf-sha256-aes256gcm"

    @property
    def strength(self) -> int:
        """Higher is stronger. The two differ only against an attacker with a quantum computer."""
        return 2 if self is SealingSuite.HYBRID else 1

    @property
    def _hpke(self) -> Suite:
        kem = KEM.MLKEM768_X25519 if self is SealingSuite.HYBRID else KEM.X25519
        return Suite(kem, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

    def public_key(self, data: bytes) -> HpkePublicKey:
        """Read a public key; a hybrid key is the ML-KEM key followed by the X25519 key.

        Raises:
            ValueError: It is not a key of this suite.
        """
        if self is SealingSuite.X25519:
            return X25519PublicKey.from_public_bytes(data)
        lattice, curve = data[:_MLKEM_PUBLIC_BYTES], data[_MLKEM_PUBLIC_BYTES:]
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(lattice), X25519PublicKey.from_public_bytes(curve)
        )

    def private_key(self, data: bytes) -> HpkePrivateKey:
        """Read a private key; a hybrid key is the ML-KEM seed followed by the X25519 key.

        Raises:
            ValueError: It is not a key of this suite.
        """
        if self is SealingSuite.X25519:
            return X25519PrivateKey.from_private_bytes(data)
        lattice, curve = self._halves(data)
        return MLKEM768X25519PrivateKey(lattice, curve)

    def public_bytes_of(self, private: bytes) -> bytes:
        """The public key of a private key, as `public_key` reads it. Raises `ValueError`."""
        if self is SealingSuite.X25519:
            return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
        lattice, curve = self._halves(private)
        return lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()

    def new_private_bytes(self) -> bytes:
        """A new private key from the random source of the library."""
        curve = X25519PrivateKey.generate().private_bytes_raw()
        if self is SealingSuite.X25519:
            return curve
        return MLKEM768PrivateKey.generate().private_bytes_raw() + curve

    def wrap(self, plain: bytes, *, to: HpkePublicKey, info: bytes) -> bytes:
        """Encrypt a few bytes (RFC 9180, 6.1): the encapsulated key, then the ciphertext.

        Raises:
            ValueError: The public key is of another suite, or gives no shared secret.
        """
        try:
            return self._hpke.encrypt(plain, to, info)
        except TypeError as error:
            raise ValueError("the key is of another suite") from error

    def unwrap(self, wrapped: bytes, *, by: HpkePrivateKey, info: bytes) -> bytes:
        """Decrypt the result of `wrap`. Raises `ValueError` if key, `info` or bytes differ."""
        try:
            return self._hpke.decrypt(wrapped, by, info)
        except (InvalidTag, TypeError) as error:
            raise ValueError("it does not open with this key") from error

    @staticmethod
    def _halves(private: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        lattice, curve = private[:_MLKEM_SEED_BYTES], private[_MLKEM_SEED_BYTES:]
        return (
            MLKEM768PrivateKey.from_seed_bytes(lattice),
            X25519PrivateKey.from_private_bytes(curve),
        )


def suite_named(name: str) -> SealingSuite | None:
    """The suite of this name; None: it is unknown."""
    try:
        return SealingSuite(name)
    except ValueError:
        return None
