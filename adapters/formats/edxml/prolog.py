"""Prolog: find where the XML of a packet begins, and refuse files that are no packet."""

import re
from dataclasses import dataclass

from adapters.formats.edxml.names import OLD_EDXML, QCVN
from schemas.limits import MAX_JUNK_BYTES
from schemas.problem import DocumentError, Place
from schemas.term import term

HEAD_BYTES = 64 * 1024

_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00", b"\x00\x00\x00<")
_DECLARATION = re.compile(rb"<\?xml[ \t\r\n]")
_MIME = re.compile(
    rb"^(?:mime-version|content-(?:type|id|transfer-encoding))[ \t]*:|\A\s*--[^\s<-][^\s<]*\s*$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prolog:
    """Where the XML begins.

    Attributes:
        skipped: The number of bytes before it, with the byte order mark.
        junk: The same, without the byte order mark.
        lines: The number of line ends before it.
        columns: The number of characters between the last of these line ends and the XML.
    """

    skipped: int
    junk: int
    lines: int
    columns: int

    @property
    def has_bom(self) -> bool:
        """Whether the file begins with a byte order mark."""
        return self.skipped > self.junk


def read_prolog(head: bytes) -> Prolog:
    """Find the XML in the first `HEAD_BYTES` of a file.

    Raises:
        DocumentError: E_EMPTY, E_ENCODING (UTF-16 or UTF-32), E_OLD_EDXML (SOAP with MIME parts),
            E_LEADING_MARKUP.
    """
    if not head.strip():
        raise DocumentError.of("E_EMPTY")
    bom = len(_BOM) if head.startswith(_BOM) else 0
    declaration = _DECLARATION.search(head, bom, bom + MAX_JUNK_BYTES + len("<?xml "))
    if declaration is None and head.startswith(_WIDE):
        place = Place(line=1, column=1)
        raise DocumentError.of("E_ENCODING", place=place, cause=term("utf16_or_utf32"))
    # Without a declaration blanks may come first; the parser refuses anything else.
    junk = declaration.start() - bom if declaration else 0
    before = head[bom : bom + junk] if declaration else head[bom:].partition(b"<")[0]
    if _MIME.search(before) or (OLD_EDXML.encode() in head and QCVN.encode() not in head):
        raise DocumentError.of("E_OLD_EDXML")
    if declaration and b"<" in before:
        # Other programs begin to read there: a comment or CDATA section could hide our document
        # from them and show them another one.
        at = bom + before.index(b"<")
        raise DocumentError.of("E_LEADING_MARKUP", place=_place_at(head, at))
    skipped = head[: bom + junk]
    return Prolog(
        skipped=len(skipped),
        junk=junk,
        lines=skipped.count(b"\n"),
        columns=_columns(skipped),
    )


def _place_at(head: bytes, at: int) -> Place:
    before = head[:at]
    return Place(line=before.count(b"\n") + 1, column=_columns(before) + 1)


def _columns(before: bytes) -> int:
    """The number of characters after the last line end."""
    return len(before.rpartition(b"\n")[2].removeprefix(_BOM).decode(errors="replace"))
