"""Base64 stream: decode and encode in constant memory; only white space is tolerated."""

import binascii
from collections.abc import Iterable, Iterator

import pybase64

_BLANKS = b" \t\r\n"


class Base64Decoder:
    """Decodes text that arrives in arbitrary pieces."""

    def __init__(self) -> None:
        self._carry = b""
        self._padded = False

    def feed(self, data: bytes) -> bytes:
        """Decode all complete groups of four characters.

        Raises:
            ValueError: A character outside the alphabet, or text after the padding.
        """
        if any(blank in data for blank in _BLANKS):
            data = data.translate(None, _BLANKS)
        if self._carry:
            data = self._carry + data
        whole = len(data) & ~3
        self._carry = data[whole:]
        if not whole:
            return b""
        if self._padded:
            raise binascii.Error("text after the padding")
        decoded = pybase64.b64decode(data[:whole] if self._carry else data, validate=True)
        self._padded = data[whole - 1] == 0x3D
        return decoded

    def finish(self) -> None:
        """Raises `ValueError` if the text ended inside a group of four characters."""
        if self._carry:
            raise binascii.Error("truncated")


def encode(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Encode a file as one line, chunk by chunk."""
    carry = b""
    for chunk in chunks:
        data = carry + chunk if carry else chunk
        whole = len(data) - len(data) % 3
        carry = data[whole:]
        yield pybase64.b64encode(data[:whole] if carry else data)
    if carry:
        yield pybase64.b64encode(carry)
