"""Base64url without padding (RFC 7515, 2), in exactly one form for each value."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def to_base64url(data: bytes) -> str:
    """Encode bytes."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Decode exactly what `to_base64url` returns, so that no two texts give the same bytes.

    Raises:
        ValueError: Padding, white space, other characters, or unused bits that are not zero.
    """
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_base64url(data) != text:
        raise ValueError("not canonical base64url")
    return data
