"""Sign with private keys that stay inside a PKCS #11 token.

A file names the key by a URI (RFC 7512). Only a setting of the operator names the module, because
that is a shared library, which is executed. The PIN is in another file.

PKCS #11 has one login for each token and process, and a session signs one thing at a time. So the
process has one session for each token and one lock for each module. Callers wait for the lock, so
they must be threads (`bus.services.signing_keys`), never the event loop.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, assert_never

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bus.core.algorithm import Algorithm, PublicKey
from bus.keys.access import KeyAccess, read_secret
from bus.keys.token_uri import TokenName, TokenUri, token_uri, unusable_token
from schemas.problem import AxisError
from schemas.term import term

_P256 = ec.SECP256R1()


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenKey:
    """A private key in a token: a `TokenPrivateKey`. `token_key` makes it."""

    uri: TokenUri
    agency: str
    module: "_Module" = field(repr=False)
    public: PublicKey

    def public_key(self) -> PublicKey:
        """Its public key."""
        return self.public

    def make_signature(self, data: bytes, algorithm: Algorithm) -> bytes:
        """As `TokenPrivateKey` says."""
        try:
            return self.module.sign(self.uri, data, algorithm)
        except (self.module.pkcs11.PKCS11Error, RuntimeError) as error:
            raise AxisError.of(
                "E_SIGNING_KEY_AWAY",
                agency=self.agency,
                cause=term("token_said", error=type(error).__name__),
            ) from error


def token_key(text: str, *, access: KeyAccess, agency: str) -> TokenKey:
    """The key in a token that a URI names. Logs in to the token first.

    Raises:
        ConfigurationError: E_KEYS: PKCS #11 is not configured, the PIN is wrong, there is no such
            key, or its kind is not supported.
    """
    uri, pkcs11 = token_uri(text, agency=agency), _pkcs11(agency)
    if access.module is None:
        raise unusable_token(agency, term("token_no_module"))
    pin_file = uri.pin_source or access.pin_file
    if pin_file is None:
        raise unusable_token(agency, term("token_no_pin"))
    module = _module(access.module)
    try:
        public = module.public_key(uri, pin=read_secret(pin_file, agency=agency))
    except pkcs11.PKCS11Error as error:
        said = f"{type(error).__name__} {error}".strip()
        raise unusable_token(agency, term("token_unusable", said=said)) from error
    except RuntimeError as error:
        # The module cannot be loaded.
        raise unusable_token(
            agency, term("token_module", module=access.module, said=error)
        ) from error
    if public is None:
        raise unusable_token(agency, term("token_key_kind"))
    return TokenKey(uri=uri, agency=agency, module=module, public=public)


class _Module:
    """A PKCS #11 module in this process, with one session for each token.

    After a failure the module is initialized again, because some modules, such as SoftHSM, do not
    otherwise find a token that was unplugged and plugged in again. A wrong PIN is never tried
    twice, because tokens lock themselves after a few wrong PINs.
    """

    def __init__(self, path: Path) -> None:
        self.pkcs11 = _pkcs11("the axis")
        self._path = str(path)
        self._lock = threading.Lock()
        self._pins: dict[TokenName, bytes] = {}
        self._wrong: set[tuple[TokenName, bytes]] = set()
        self._sessions: dict[TokenName, Any] = {}
        self._keys: dict[TokenUri, Any] = {}

    def public_key(self, uri: TokenUri, *, pin: bytes) -> PublicKey | None:
        """The public key; None if its kind is not supported. Raises as `sign`."""
        with self._lock, self._beginning_anew():
            self._pins[uri.token_name] = pin
            return self._public_of(self._key(uri), uri)

    def sign(self, uri: TokenUri, data: bytes, algorithm: Algorithm) -> bytes:
        """Sign. Raises `PKCS11Error`, `RuntimeError`."""
        with self._lock, self._beginning_anew():
            return self._signed(self._key(uri), data, algorithm)

    @contextmanager
    def _beginning_anew(self) -> Iterator[None]:
        try:
            yield
        except (self.pkcs11.NoSuchKey, self.pkcs11.PinIncorrect):
            raise  # the module works, but the key or the PIN is wrong
        except self.pkcs11.PKCS11Error:
            self._keys, self._sessions = {}, {}
            with suppress(self.pkcs11.PKCS11Error):
                # This closes its sessions; the next use initializes it again.
                self.pkcs11.lib(self._path).finalize()
            raise

    def _signed(self, key: Any, data: bytes, algorithm: Algorithm) -> bytes:
        mechanism = self.pkcs11.Mechanism
        match algorithm:
            case Algorithm.ES256:
                # Not every token can compute the digest (CKM_ECDSA_SHA256). The signature is r
                # followed by s (PKCS #11, 2.3.1), as in JWS.
                return bytes(key.sign(sha256(data).digest(), mechanism=mechanism.ECDSA))
            case Algorithm.PS256:
                parameters = (mechanism.SHA256, self.pkcs11.MGF.SHA256, sha256().digest_size)
                return bytes(
                    key.sign(
                        data,
                        mechanism=mechanism.SHA256_RSA_PKCS_PSS,
                        mechanism_param=parameters,
                    )
                )
            case Algorithm.RS256:
                return bytes(key.sign(data, mechanism=mechanism.SHA256_RSA_PKCS))
            case Algorithm.EDDSA:
                raise self.pkcs11.MechanismInvalid
            case _ as never:
                assert_never(never)

    def _key(self, uri: TokenUri) -> Any:
        if uri not in self._keys:
            self._keys[uri] = self._session(uri).get_key(
                object_class=self.pkcs11.ObjectClass.PRIVATE_KEY, label=uri.object, id=uri.id
            )
        return self._keys[uri]

    def _session(self, uri: TokenUri) -> Any:
        name = uri.token_name
        if name not in self._sessions:
            pin = self._pins[name]
            tried = (name, sha256(pin).digest())
            if tried in self._wrong:
                raise self.pkcs11.PinIncorrect("it is not tried again")
            serial = None if uri.serial is None else uri.serial.encode()
            module = self.pkcs11.lib(self._path)
            token = module.get_token(token_label=uri.token, token_serial=serial)
            try:
                self._sessions[name] = token.open(user_pin=pin.decode("utf-8", "replace"))
            except self.pkcs11.UserAlreadyLoggedIn:
                # Another URI named the same token; a login is for the whole process.
                self._sessions[name] = token.open()
            except self.pkcs11.PinIncorrect:
                self._wrong.add(tried)
                raise
        return self._sessions[name]

    def _public_of(self, key: Any, uri: TokenUri) -> PublicKey | None:
        attribute, kind = self.pkcs11.Attribute, self.pkcs11.KeyType
        match key.key_type:
            case kind.RSA:
                numbers = rsa.RSAPublicNumbers(
                    e=int.from_bytes(key[attribute.PUBLIC_EXPONENT], "big"),
                    n=int.from_bytes(key[attribute.MODULUS], "big"),
                )
                return numbers.public_key()
            case kind.EC:
                # Only the public key object has the point; it has the same label and id.
                half = self._session(uri).get_key(
                    object_class=self.pkcs11.ObjectClass.PUBLIC_KEY,
                    label=key[attribute.LABEL] or None,
                    id=key[attribute.ID] or None,
                )
                return _p256_of(bytes(half[attribute.EC_POINT]))
            case _:
                return None


_MODULES: dict[Path, _Module] = {}
_MODULES_LOCK = threading.Lock()


def _module(path: Path) -> _Module:
    with _MODULES_LOCK:
        if path not in _MODULES:
            _MODULES[path] = _Module(path)
        return _MODULES[path]


def _p256_of(point: bytes) -> PublicKey | None:
    """The key of a CKA_EC_POINT, a DER octet string with an uncompressed point."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_P256, point[2:])
    except ValueError:
        return None


def _pkcs11(agency: str) -> ModuleType:
    try:
        # Only homes with a token need this optional package.
        import pkcs11  # noqa: PLC0415
    except ImportError as error:
        raise unusable_token(agency, term("token_extra")) from error
    return pkcs11
