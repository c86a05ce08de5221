"""Secrecy: the marks of State secrets, where a document declares one (Decision 28/2018/QĐ-TTg).

Only what is declared in a field counts. Free text is never searched: "bảo mật" in a subject is
innocent.
"""

import re
import unicodedata
from collections.abc import Iterator

from schemas.document import Document

_MARKS = {
    "mật": "Mật",
    "tốimật": "Tối mật",
    "tuyệtmật": "Tuyệt mật",
    # As systems without Vietnamese letters write it; "mat" alone would be too many other words.
    "toimat": "Tối mật",
    "tuyetmat": "Tuyệt mật",
}
_LABEL = re.compile(r"(?:(?:dấu|mức|cấp)?độ(?:bảo)?mật[:=])?(?:vănbản|tàiliệu|côngvăn|hồsơ)?")
_BETWEEN = re.compile(r"[,;/|+&()\[\]{}<>\n–—-]")
_AROUND = "\"'.:*!«»“”‘’()[]{}<>-–—_"
_LONGEST = 200
"""A longer value is a text and no mark."""


def secrecy_mark(value: str) -> str | None:
    """The mark that a whole value is, in its usual spelling; None when it is none.

    Whatever its case, Unicode form, spaces, punctuation around it, and with a label: `ĐỘ MẬT: MẬT`.
    """
    return _mark(_folded(value))


def mark_in_list(value: str) -> str | None:
    """The first mark in a field that holds notes beside each other: `Mật, hỏa tốc`."""
    folded = _folded(value)
    if not folded:
        return None
    marks = map(_mark, (folded, *_BETWEEN.split(folded)))
    return next((mark for mark in marks if mark), None)


def _folded(value: str) -> str:
    """The value without its case and Unicode form; empty when there is no mark in it for sure."""
    if len(value) > _LONGEST:
        return ""
    if not value.isprintable():
        # Invisible signs may stand between a letter and its accents.
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
    # Texts: only one that is nothing but a mark.
    for field, text in (("subject", document.subject), ("content", document.content)):
        if text and (mark := secrecy_mark(text)):
            return field, mark
    return None


def _notes(document: Document) -> Iterator[tuple[str, str]]:
    """The fields that are no free text, and those that we do not know."""
    for field, value in (
        ("circulation", document.circulation),
        ("type_name", document.type_name),
        ("drafter", document.drafter),
    ):
        if value:
            yield field, value
    yield from document.raw.items()
