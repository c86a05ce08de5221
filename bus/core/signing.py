"""Sign a body with a detached JWS, and verify who signed it.

The payload is not encoded (RFC 7515, appendix F; RFC 7797), so any JWS library can verify it.
`wire` parses a body after it is verified.
"""

import json
import re
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NoReturn

from bus.core.algorithm import (
    Algorithm,
    PrivateKey,
    TokenPrivateKey,
    algorithms_of,
    is_signature,
    make_signature,
)
from bus.core.base64url import from_base64url, to_base64url
from bus.core.keyring import KeyRing
from schemas.identifiers import MailboxName
from schemas.limits import MAX_BODY_BYTES, MAX_JWS_HEADER_CHARS, MAX_SIGNATURE_CHARS
from schemas.problem import AxisError
from schemas.term import Coded, term

CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far the signer's clock may be ahead of ours."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
# Keys come from the key ring only; a header that contains a key, or its address, is refused
# (RFC 8725, 3.10).
_KEY_PARAMETERS = frozenset({"jku", "jwk", "x5c", "x5u"})
_PROOF = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A private key, in memory or in a token, with the thumbprint of its certificate."""

    private_key: PrivateKey | TokenPrivateKey = field(repr=False)
    thumbprint: str
    algorithm: Algorithm

    def __post_init__(self) -> None:
        if self.algorithm not in algorithms_of(self.private_key.public_key()):
            raise ValueError(f"this key cannot sign {self.algorithm}")

    @property
    def is_in_token(self) -> bool:
        """Whether the key is in a token, which may answer late; other keys take microseconds."""
        return not isinstance(self.private_key, PrivateKey)

    def make_signature(self, data: bytes) -> bytes:
        """Sign, in the byte form of JWS. Raises `TransportError` E_SIGNING_KEY_AWAY."""
        key = self.private_key
        if isinstance(key, PrivateKey):
            return make_signature(data, key=key, algorithm=self.algorithm)
        return key.make_signature(data, self.algorithm)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A verified body. Only `verify` can create one, so no body is parsed unverified.

    Attributes:
        body: The bytes as received.
        owner: The mailbox that signed. Whether it may send this content is checked later.
        signed_at: The time on the signer's clock, whole seconds, UTC.
        thumbprint: The thumbprint of the certificate.
    """

    body: bytes = field(repr=False)
    owner: MailboxName
    signed_at: datetime
    thumbprint: str
    proof: InitVar[object]

    def __post_init__(self, proof: object) -> None:
        if proof is not _PROOF:
            raise TypeError("only verify() makes a Verified")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    """The claims of a protected header."""

    algorithm: Algorithm
    thumbprint: str
    signed_at: datetime


def sign(body: bytes, *, key: SigningKey, now: datetime) -> str:
    """Sign a body; the result is the value of the message header `signature`.

    The signing time is `iat` of the protected header (ETSI TS 119 182-1, 5.1.11), in whole seconds.

    Raises:
        TransportError: The token does not sign now (E_SIGNING_KEY_AWAY).
    """
    protected = _protected(key.algorithm, key.thumbprint, (now - _EPOCH) // _SECOND)
    signature = key.make_signature(_signed_bytes(protected, body))
    return f"{protected}..{to_base64url(signature)}"


def may_be_known(signature: str, keys: KeyRing) -> bool:
    """False when a signature names an unknown certificate, which a newer key ring may contain."""
    if len(signature) > MAX_SIGNATURE_CHARS:
        return True
    try:
        return _read_header(_split(signature)[0]).thumbprint in keys
    except AxisError:
        return True


def verify(
    body: bytes,
    signature: str,
    *,
    keys: KeyRing,
    now: datetime,
    received_at: datetime | None = None,
    limit: int = MAX_BODY_BYTES,
) -> Verified:
    """Verify who signed a body, and that it was not changed.

    The signature covers the bytes as received, and nothing in the body is parsed before. The
    certificate must have been valid at the signing time, however long ago that was.

    Args:
        body: The bytes as received.
        signature: The message header `signature`; empty when there was none.
        keys: The trusted certificates.
        received_at: When our own records first contained the signature, if they did. A signature
            by a compromised key is valid only if it was received before the revocation.
        limit: The largest body, in bytes.

    Raises:
        DocumentError: The body is not trustworthy (E_SIGNATURE_MISSING, E_SIGNATURE_INVALID,
            E_SIGNATURE_ALGORITHM, E_CERTIFICATE_UNKNOWN, E_CERTIFICATE_EXPIRED,
            E_CERTIFICATE_REVOKED, E_CLOCK_SKEW) or too large (E_TOO_LARGE). Never retry.
    """
    if not signature:
        raise AxisError.of("E_SIGNATURE_MISSING")
    if len(signature) > MAX_SIGNATURE_CHARS:
        _refuse(term("jws_long", limit=MAX_SIGNATURE_CHARS))
    if len(body) > limit:
        raise AxisError.of("E_TOO_LARGE", size=len(body), limit=limit)
    protected, made = _split(signature)
    header = _read_header(protected)
    key = keys.get(header.thumbprint)
    if key is None:
        raise AxisError.of("E_CERTIFICATE_UNKNOWN", thumbprint=_shown(header.thumbprint))
    if header.algorithm not in key.algorithms:
        raise AxisError.of(
            "E_SIGNATURE_ALGORITHM", alg=f"{header.algorithm} (≠ {key.algorithms[0]})"
        )
    if not is_signature(
        made, _signed_bytes(protected, body), key=key.public_key, algorithm=header.algorithm
    ):
        _refuse(term("jws_no_match"))
    signed_at = header.signed_at
    if signed_at - now > CLOCK_TOLERANCE:
        seconds = (signed_at - now) // _SECOND
        raise AxisError.of("E_CLOCK_SKEW", signed_at=signed_at.isoformat(), seconds=seconds)
    if not key.is_valid_at(signed_at):
        raise AxisError.of("E_CERTIFICATE_EXPIRED", signed_at=signed_at.isoformat())
    revocation = keys.revocation_of(key.thumbprint)
    if revocation is not None and revocation.forbids(signed_at, received_at=received_at):
        raise AxisError.of(
            "E_CERTIFICATE_REVOKED",
            at=revocation.at.isoformat(),
            reason=revocation.reason,
            source=revocation.evidence,
            signed_at=signed_at.isoformat(),
        )
    return Verified(
        body=body,
        owner=key.owner,
        signed_at=signed_at,
        thumbprint=key.thumbprint,
        proof=_PROOF,
    )


@lru_cache(maxsize=1024)
def _protected(algorithm: Algorithm, thumbprint: str, issued_at: int) -> str:
    """The protected header, cached because a sender signs many documents in one second."""
    header = {
        "alg": algorithm,
        "b64": False,
        "crit": ["b64"],
        "x5t#S256": thumbprint,
        "iat": issued_at,
    }
    return to_base64url(json.dumps(header, separators=(",", ":")).encode())


def _signed_bytes(protected: str, body: bytes) -> bytes:
    return b"%b.%b" % (protected.encode("ascii"), body)


def _split(signature: str) -> tuple[str, bytes]:
    protected, _, rest = signature.partition(".")
    payload, dot, made = rest.partition(".")
    if payload or not dot:
        _refuse(term("jws_form"))
    try:
        return protected, from_base64url(made)
    except ValueError:
        _refuse(term("jws_base64url"))


@lru_cache(maxsize=1024)
def _read_header(protected: str) -> _Header:
    if len(protected) > MAX_JWS_HEADER_CHARS:
        _refuse(term("jws_header_long", limit=MAX_JWS_HEADER_CHARS))
    try:
        header = _JSON.decode(from_base64url(protected).decode("utf-8"))
    except (ValueError, RecursionError):
        _refuse(term("jws_header_json"))
    if not isinstance(header, dict):
        _refuse(term("jws_header_object"))
    claimed = str(header.get("alg"))
    try:
        algorithm = Algorithm(claimed)
    except ValueError as error:
        raise AxisError.of("E_SIGNATURE_ALGORITHM", alg=_shown(claimed)) from error
    # Both are required for an unencoded body (RFC 7797, 6). This wire version has no other
    # critical parameter.
    if header.get("b64") is not False or header.get("crit") != ["b64"]:
        _refuse(term("jws_critical"))
    if not _KEY_PARAMETERS.isdisjoint(header):
        _refuse(term("jws_own_key"))
    thumbprint, issued_at = header.get("x5t#S256"), header.get("iat")
    if not isinstance(thumbprint, str):
        _refuse(term("jws_no_thumbprint"))
    if type(issued_at) is not int:
        _refuse(term("jws_no_time"))
    try:
        signed_at = _EPOCH + issued_at * _SECOND
    except OverflowError:
        _refuse(term("jws_time_range"))
    return _Header(algorithm=algorithm, thumbprint=thumbprint, signed_at=signed_at)


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name is used twice")
    return names


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(object_pairs_hook=_unique_names, parse_constant=_no_number)


def _shown(claim: str) -> str:
    """A claim of an unverified header, safe to show to people."""
    return re.sub(r"[^0-9A-Za-z_.-]", "?", claim[:64])


def _refuse(cause: Coded) -> NoReturn:
    # `from None`: the library's message about hostile bytes does not help anybody.
    raise AxisError.of("E_SIGNATURE_INVALID", cause=cause) from None
