"""JSON stream: read the members of one object in any order, and long strings in pieces.

Small values are returned as text for Python's parser. Only values that may not fit into memory are
scanned here.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from adapters.contract import Limits
from schemas.problem import AxisError, DocumentError, Place
from schemas.term import Coded, Term, term

_CHUNK = 256 * 1024
_MAX_VALUES = 16
"""A value outside `contents` may be this many times as long as the longest text."""
_BLANKS = re.compile(rb"[ \t\r\n]*")
_MARK = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{}]', re.DOTALL)
_SCALAR = re.compile(rb'[ \t\r\n,:"\[\]{}]')
_DECODER = json.JSONDecoder()


class _NoJsonError(ValueError):
    """Python's parser accepts it, but it is no valid JSON, or not allowed here."""

    def __init__(self, cause: Term) -> None:
        super().__init__(cause.text())
        self.cause = cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """The text of a value, and the line and column where it begins, from 1."""

    text: str
    line: int
    column: int

    def place(self, index: int, field: str | None = None) -> Place:
        """The place in the file of a character of the value."""
        before = self.text[:index]
        lines = before.count("\n")
        column = index - before.rfind("\n") - 1 if lines else index + self.column - 1
        return Place(line=self.line + lines, column=column + 1, field=field)


class JsonStream:
    """Reads forward; a method removes from the stream what it returns."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._max_value_bytes = _MAX_VALUES * limits.max_text_bytes
        self._buffer = b""
        self._at = 0
        self._line = 1
        self._line_start = 0
        """Offset in the buffer of the current line's first byte; negative: it is not buffered."""

    def members(self) -> Iterator[str]:
        """Yield the names in an object; the caller must read each value before the next name."""
        self._expect(b"{")
        if self._skip(b"}"):
            return
        while True:
            yield self._name()
            if not self._skip(b","):
                self._expect(b"}")
                return

    def value(self) -> Value:
        """A whole value, within the limits of length and depth."""
        self._blanks()
        line, column = self._line, self._at - self._line_start + 1
        while (end := self._end_of_value()) is None:
            self._refuse_long(len(self._buffer))
            if not self._more():
                raise self._malformed(term("json_value_open"))
        self._refuse_long(end)
        text = self._take(end)
        try:
            return Value(text=text.decode(), line=line, column=column)
        except UnicodeDecodeError as error:
            place = Place(line=line + text.count(b"\n", 0, error.start))
            raise DocumentError.of("E_ENCODING", place=place, cause=term("invalid_byte")) from error

    def pieces(self) -> Iterator[bytes]:
        r"""Yield a string of any length in pieces; the only escape that it may contain is `\/`."""
        self._expect(b'"')
        while True:
            end = self._buffer.find(b'"', self._at)
            whole = len(self._buffer) if end < 0 else end
            if end < 0 and self._buffer.endswith(b"\\"):
                whole -= 1  # the other half of the escape is in the next chunk
            yield self._take(whole).replace(b"\\/", b"/")
            if end >= 0:
                self._take(end + 1)
                return
            if not self._more():
                raise self._malformed(term("json_string_open"))

    def finish(self) -> None:
        """Require that only blanks follow.

        Raises:
            DocumentError: Something else follows (E_NOT_WELL_FORMED).
        """
        self._blanks()
        if self._at < len(self._buffer):
            raise self._malformed(term("json_more"))

    def place(self) -> Place:
        """The current place in the file."""
        return Place(line=self._line, column=self._at - self._line_start + 1)

    # --- pieces ---------------------------------------------------------------------------------

    def _name(self) -> str:
        value = self.value()
        name = loads(value)
        if not isinstance(name, str):
            raise DocumentError.of(
                "E_NOT_WELL_FORMED", place=value.place(0), cause=term("json_nameless")
            )
        self._expect(b":")
        return name

    def _end_of_value(self) -> int | None:
        """The end of the value in the buffer; None: more of the file is needed."""
        if self._buffer[self._at : self._at + 1] not in {b'"', b"[", b"{"}:
            # A number or a word ends where something else begins, at least the object's brace.
            end = _SCALAR.search(self._buffer, self._at)
            return end.start() if end else None
        depth = 0
        for mark in _MARK.finditer(self._buffer, self._at):
            if mark[0] == b'"':
                return None  # the string continues
            if mark[0] in {b"[", b"{"}:
                depth += 1
            elif mark[0] in {b"]", b"}"}:
                depth -= 1
            if depth > self._limits.max_depth:
                raise DocumentError.of("E_DEPTH", place=self.place(), limit=self._limits.max_depth)
            if depth <= 0:
                return mark.end()
        return None

    def _refuse_long(self, end: int) -> None:
        if end - self._at > self._max_value_bytes:
            raise DocumentError.of(
                "E_LIMIT", place=self.place(), what=term("value_bytes"), limit=self._max_value_bytes
            )

    def _blanks(self) -> None:
        while True:
            blanks = _BLANKS.match(self._buffer, self._at)
            if blanks:
                self._take(blanks.end())
            if self._at < len(self._buffer) or not self._more():
                return

    def _skip(self, mark: bytes) -> bool:
        self._blanks()
        found = self._buffer.startswith(mark, self._at)
        if found:
            self._take(self._at + 1)
        return found

    def _expect(self, mark: bytes) -> None:
        if not self._skip(mark):
            raise self._malformed(term("json_misplaced", mark=mark.decode()))

    def _take(self, end: int) -> bytes:
        taken = self._buffer[self._at : end]
        if lines := taken.count(b"\n"):
            self._line += lines
            self._line_start = self._at + taken.rfind(b"\n") + 1
        self._at = end
        return taken

    def _more(self) -> bool:
        chunk = self._source.read(_CHUNK)
        self._buffer = self._buffer[self._at :] + chunk
        self._line_start -= self._at
        self._at = 0
        return bool(chunk)

    def _malformed(self, cause: Coded) -> AxisError:
        return DocumentError.of("E_NOT_WELL_FORMED", place=self.place(), cause=cause)


def loads(value: Value) -> object:
    """Parse a value strictly.

    Raises:
        DocumentError: It is no JSON, has a member twice, or contains NaN or an infinite number.
    """
    try:
        parsed: object = json.loads(
            value.text, object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except _NoJsonError as error:
        place = value.place(0)
        raise DocumentError.of("E_NOT_WELL_FORMED", place=place, cause=error.cause) from error
    except ValueError as error:
        place = value.place(error.pos if isinstance(error, json.JSONDecodeError) else 0)
        cause = term("json_invalid")
        raise DocumentError.of("E_NOT_WELL_FORMED", place=place, cause=cause) from error
    return parsed


def locate(value: Value, path: Sequence[str | int]) -> Place:
    """The place of the member at a path; if it is missing, the place of what should contain it."""
    at = _skip_blanks(value.text, 0)
    for step in path:
        child = _child(value.text, at, step)
        if child is None:
            break
        at = child
    return value.place(at, ".".join(map(str, path)))


def _child(text: str, at: int, step: str | int) -> int | None:
    """The offset of a member's value in an object or array of valid JSON."""
    is_object = text.startswith("{", at)
    if not is_object and not text.startswith("[", at):
        return None
    at = _skip_blanks(text, at + 1)
    number = 0
    while text[at] not in "]}":
        key: object = number
        if is_object:
            key, at = _DECODER.raw_decode(text, at)
            at = _skip_blanks(text, _skip_blanks(text, at) + 1)
        if key == step:
            return at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip_blanks(text, at)
        if text[at] == ",":
            at = _skip_blanks(text, at + 1)
        number += 1
    return None


def _skip_blanks(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise _NoJsonError(term("json_twice", member=name))
        found[name] = value
    return found


def _refuse_constant(name: str) -> object:
    raise _NoJsonError(term("json_constant", value=name))
