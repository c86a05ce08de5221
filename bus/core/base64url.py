"""Base64url: bytes as URL-safe text without padding (RFC 7515, 2), in exactly one spelling."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def to_base64url(data: bytes) -> str:
    """Spell bytes."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Read bytes back, only from the spelling that `to_base64url` gives.

    Padding, white space, foreign letters and stray bits in the last letter are refused: two texts
    never mean the same bytes.

    Raises:
        ValueError: The text is spelled otherwise.
    """
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_base64url(data) != text:
        raise ValueError("not canonical base64url")
    return data
