"""Prolog: what stands before the XML of a packet, and whether it is a packet of ours at all."""

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
        skipped: Bytes before it, byte order mark included.
        junk: Those that are no byte order mark.
        lines: Line ends among them, so that line numbers count in the original.
        columns: Characters between the last of these line ends and the XML.
    """

    skipped: int
    junk: int
    lines: int
    columns: int

    @property
    def has_bom(self) -> bool:
        """Whether a byte order mark came first."""
        return self.skipped > self.junk


def read_prolog(head: bytes) -> Prolog:
    """Find the XML in the first `HEAD_BYTES` of a file.

    Raises:
        DocumentError: E_EMPTY, E_ENCODING (UTF-16 and wider), E_OLD_EDXML (handbook 13),
            E_LEADING_MARKUP.
    """
    if not head.strip():
        raise DocumentError.of("E_EMPTY")
    bom = len(_BOM) if head.startswith(_BOM) else 0
    declaration = _DECLARATION.search(head, bom, bom + MAX_JUNK_BYTES + len("<?xml "))
    if declaration is None and head.startswith(_WIDE):
        place = Place(line=1, column=1)
        raise DocumentError.of("E_ENCODING", place=place, cause=term("utf16_or_utf32"))
    # Without a declaration blanks may lead, and anything else is for the parser to refuse.
    junk = declaration.start() - bom if declaration else 0
    before = head[bom : bom + junk] if declaration else head[bom:].partition(b"<")[0]
    if _MIME.search(before) or (OLD_EDXML.encode() in head and QCVN.encode() not in head):
        raise DocumentError.of("E_OLD_EDXML")
    if declaration and b"<" in before:
        # Other readers begin there: a comment or CDATA section in it would hide our document from
        # them and show them another one.
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
    """Characters since the last line end."""
    return len(before.rpartition(b"\n")[2].removeprefix(_BOM).decode(errors="replace"))
