"""Find the mark of a State secret that a document declares (Decision 28/2018/QĐ-TTg).

Only fields that declare a mark count. Free text is not searched, because "bảo mật" in a subject is
not a mark.
"""

import re
import unicodedata
from collections.abc import Iterator

from schemas.document import Document
from schemas.problem import AxisError, Place

_MARKS = {
    "mật": "Mật",
    "tốimật": "Tối mật",
    "tuyệtmật": "Tuyệt mật",
    # For systems without Vietnamese letters; "mat" alone has too many other meanings.
    "toimat": "Tối mật",
    "tuyetmat": "Tuyệt mật",
}
_LABEL = re.compile(r"(?:(?:dấu|mức|cấp)?độ(?:bảo)?mật[:=])?(?:vănbản|tàiliệu|côngvăn|hồsơ)?")
_BETWEEN = re.compile(r"[,;/|+&()\[\]{}<>\n–—-]")
_AROUND = "\"'.:*!«»“”‘’()[]{}<>-–—_"
_LONGEST = 200
"""A longer value, in characters, is a text and not a mark."""


def secrecy_mark(value: str) -> str | None:
    """The mark, in its usual spelling, if the whole value is a mark; else None.

    Case, Unicode form, spaces and surrounding punctuation do not matter, and a label is allowed:
    `ĐỘ MẬT: MẬT`.
    """
    return _mark(_folded(value))


def mark_in_list(value: str) -> str | None:
    """The first mark in a field with several notes: `Mật, hỏa tốc`."""
    folded = _folded(value)
    if not folded:
        return None
    marks = map(_mark, (folded, *_BETWEEN.split(folded)))
    return next((mark for mark in marks if mark), None)


def _folded(value: str) -> str:
    """The value in one case and Unicode form; empty when it certainly has no mark."""
    if len(value) > _LONGEST:
        return ""
    if not value.isprintable():
        # Invisible characters may separate a letter from its accents.
        value = "".join(char for char in value if unicodedata.category(char) != "Cf")
    folded = unicodedata.normalize("NFKC", value).casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", folded)
        return folded if "ậ" in folded else ""
    return folded if "m" in folded and "t" in folded else ""


def _mark(folded: str) -> str | None:
    compact = "".join(folded.split()).strip(_AROUND)
    label = _LABEL.match(compact)
    return _MARKS.get(compact) or _MARKS.get(compact[label.end() :] if label else "")


def declared_mark(document: Document) -> tuple[str, str] | None:
    """The field of a document that declares a secrecy mark, and the mark."""
    for field, value in _notes(document):
        if mark := mark_in_list(value):
            return field, mark
    # A text counts only if it consists of the mark.
    for field, text in (("subject", document.subject), ("content", document.content)):
        if text and (mark := secrecy_mark(text)):
            return field, mark
    return None


def refuse_secret(document: Document) -> None:
    """Refuse a document with a mark of State secrecy. Raises `DocumentError` E_STATE_SECRET."""
    if declared := declared_mark(document):
        field, mark = declared
        raise AxisError.of("E_STATE_SECRET", place=Place(field=f"document.{field}"), mark=mark)


def _notes(document: Document) -> Iterator[tuple[str, str]]:
    """The fields that are not free text, and the unknown ones."""
    for field, value in (
        ("circulation", document.circulation),
        ("type_name", document.type_name),
        ("drafter", document.drafter),
    ):
        if value:
            yield field, value
    yield from document.raw.items()
