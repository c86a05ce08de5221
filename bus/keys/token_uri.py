"""PKCS #11 URIs (RFC 7512), which name private keys in tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from schemas.problem import AxisError
from schemas.term import Coded, term

_SCHEME = "pkcs11"
_SELECTORS = frozenset({"token", "serial", "manufacturer", "model", "object", "id", "type"})
TokenName = tuple[str | None, str | None]
"""The label and the serial number of a token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenUri:
    """The key and the token that a URI names.

    Attributes:
        token: The label of the token.
        serial: Its serial number, where labels are not unique.
        object: The label of the key.
        id: The CKA_ID of the key.
        pin_source: The file that contains the PIN.
    """

    token: str | None = None
    serial: str | None = None
    object: str | None = None
    id: bytes | None = None
    pin_source: Path | None = None

    @property
    def token_name(self) -> TokenName:
        """The label and the serial number of the token."""
        return self.token, self.serial


def token_uri(text: str, *, agency: str) -> TokenUri:
    """Read a PKCS #11 URI. Raises `ConfigurationError` E_KEYS, also for a PIN or a module in it."""
    scheme, _, rest = text.partition(":")
    path, _, query = rest.partition("?")
    if scheme != _SCHEME:
        raise unusable_token(agency, term("uri_scheme"))
    said = _attributes(path, ";", agency)
    asked = _attributes(query, "&", agency)
    if "pin-value" in asked:
        raise unusable_token(agency, term("uri_pin"))
    if {"module-path", "module-name"} & asked.keys():
        raise unusable_token(agency, term("uri_module"))
    unknown = (said.keys() - _SELECTORS) | (asked.keys() - {"pin-source"})
    if unknown:
        raise unusable_token(agency, term("uri_attributes", names=", ".join(unknown)))
    if not {"object", "id"} & said.keys() or not {"token", "serial"} & said.keys():
        raise unusable_token(agency, term("uri_incomplete"))
    if said.get("type", "private") != "private":
        raise unusable_token(agency, term("uri_not_private"))
    source = asked.get("pin-source")
    return TokenUri(
        token=unquote(said["token"]) if "token" in said else None,
        serial=unquote(said["serial"]) if "serial" in said else None,
        object=unquote(said["object"]) if "object" in said else None,
        id=unquote_to_bytes(said["id"]) if "id" in said else None,
        pin_source=None if source is None else Path(urlsplit(unquote(source)).path),
    )


def _attributes(text: str, separator: str, agency: str) -> Mapping[str, str]:
    pairs = [part.partition("=") for part in text.split(separator) if part]
    names = [name for name, _, _ in pairs]
    if len(set(names)) != len(names):
        raise unusable_token(agency, term("uri_twice"))
    return {name: value for name, _, value in pairs}


def unusable_token(agency: str, cause: Coded) -> AxisError:
    """The error E_KEYS about a key in a token."""
    return AxisError.of("E_KEYS", agency=agency, cause=cause)
