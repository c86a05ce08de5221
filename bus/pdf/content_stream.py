"""Content stream: its operands and operators, which draw a page (ISO 32000-1, 7.8.2)."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any


class UnclearError(Exception):
    """The content stream cannot be understood."""


_WORD = re.compile(
    rb"[\0\t\n\f\r ]*(?:(?P<comment>%[^\r\n]*)"
    rb"|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?=[\0\t\n\f\r ()<>\[\]{}/%]|$))"
    rb"|(?P<name>/[^\0\t\n\f\r ()<>\[\]{}/%]*)|(?P<hex><[0-9A-Fa-f\0\t\n\f\r ]*>)"
    rb"|(?P<mark><<|>>|[\[\]{}])|(?P<text>\()|(?P<operator>[^\0\t\n\f\r ()<>\[\]{}/%]+))"
)
_IMAGE_END = re.compile(rb"[\0\t\n\f\r ]EI(?=[\0\t\n\f\r ]|$)")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|\r\n|([\s\S]))")
_ESCAPED: Mapping[bytes, bytes] = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"b": b"\b",
    b"f": b"\f",
    b"\n": b"",
    b"\r": b"",
}


def words_in(data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the operands and operators in their order, each as its kind and its value.

    Numbers are floats, strings bytes, names texts with their slash. The brackets of arrays and
    dictionaries are left out. An image within the content is one operator, `image`.

    Raises:
        UnclearError: The bytes are no content stream.
    """
    at = 0
    readers: Mapping[str, Callable[[bytes], Any]] = {
        "number": float,
        "name": _name,
        "hex": _from_hex,
    }
    while word := _WORD.match(data, at):
        kind, said, at = str(word.lastgroup), word[str(word.lastgroup)], word.end()
        match kind:
            case "comment" | "mark":
                continue
            case "text":
                text, at = _string(data, at)
                yield "text", text
            case "operator" if said == b"BI":
                end = _IMAGE_END.search(data, at)
                if end is None:
                    raise UnclearError
                at = end.end()
                yield "operator", "image"
            case "operator":
                yield "operator", said.decode("latin-1")
            case _:
                yield kind, readers[kind](said)
    if data[at:].strip(b"\0\t\n\f\r "):
        raise UnclearError


def _name(word: bytes) -> str:
    plain = re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), word)
    return plain.decode("utf-8", "replace")


def _from_hex(word: bytes) -> bytes:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", word).decode()
    return bytes.fromhex(digits + "0" * (len(digits) % 2))


def _string(data: bytes, begin: int) -> tuple[bytes, int]:
    depth, at = 1, begin
    while depth:
        found = re.compile(rb"[\\()]").search(data, at)
        if found is None:
            raise UnclearError
        at = found.end()
        match found[0]:
            case b"\\":
                at += 1
            case b"(":
                depth += 1
            case _:
                depth -= 1
    return _ESCAPE.sub(_unescaped, data[begin : at - 1]), at


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes([int(found[1], 8) & 0xFF])
    return _ESCAPED.get(found[2], found[2]) if found[2] else b""
