"""Document ids and numbers in the form in which they are compared.

People type them, systems rewrite them, and attackers disguise them. So case, blanks, invisible
characters, accents, other dashes and look-alike letters do not count. Only comparisons use this
form; what is stored and delivered stays unchanged.
"""

import re
import unicodedata

from schemas.codes import BusinessType
from schemas.document import Document
from schemas.identifiers import from_qcvn102

_PLAIN = str.maketrans("", "", "\t\n\v\f\r\x1c\x1d\x1e\x1f ")
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mc", "Mn", "Zl", "Zp", "Zs"})
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164")
"""Characters that Unicode calls letters or symbols, but that show nothing."""
_LOOK_ALIKES = str.maketrans(
    {
        # Letters of Vietnamese and its neighbours.
        **dict.fromkeys("đðɖ", "d"),
        "ı": "i",
        "ɡ": "g",
        "ø": "o",
        "ł": "l",
        # Cyrillic, then Greek letters, by the look of their capitals.
        **dict(zip("авекмнорстухіјѕԁԛԝ", "abekmhopctyxijsdqw", strict=True)),
        **dict(zip("αβεζηικμνορτυχ", "abezhikmnoptyx", strict=True)),
        # Signs.
        **dict.fromkeys("⁄∕⧸", "/"),
        **dict.fromkeys("−⁃", "-"),
        **dict.fromkeys("‚،、", ","),
        **dict.fromkeys("。·", "."),
    }
)
_ENDS = ".,;:/-"
_LEADING_ZEROS = re.compile(r"\A0+(?=[0-9])")
_DATES = (
    re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"),
    re.compile(r"(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"),
)
_PARTS = re.compile(r"[,;|]")
_LOCAL = re.compile(r"[a-z]{0,3}\d{1,10}")


def normal(text: str) -> str:
    """A text without case, blanks, accents, invisible and look-alike characters."""
    if text.isascii():
        return text.translate(_PLAIN).casefold().strip(_ENDS)
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    seen = "".join(_shown(char) for char in decomposed)
    return seen.translate(_LOOK_ALIKES).translate(_PLAIN).strip(_ENDS)


def id_key(document_id: str) -> str:
    """A document id in the form that is compared.

    In an id `code,date,number` (QCVN 102) the three parts may be written in any form.
    """
    parts = _PARTS.split(normal(document_id), maxsplit=2)
    if len(parts) == 3 and (day := _day(parts[1])):
        parts = [code_key(parts[0]), day, number_key(parts[2])]
    # Once more, because the last character may be a separator.
    return normal(",".join(parts))


def number_key(full_number: str) -> str:
    """Number and notation in the form that is compared."""
    return _LEADING_ZEROS.sub("", normal(full_number))


def code_key(code: str) -> str:
    """An agency's code in the form that is compared: that of Decision 20 where possible."""
    plain = normal(code)
    return (from_qcvn102(plain.upper()) or plain).casefold()


def code_in(document_id: str) -> str | None:
    """The `code_key` at the beginning of an id `code,date,number`; None for other ids."""
    parts = _PARTS.split(normal(document_id), maxsplit=2)
    return code_key(parts[0]) if len(parts) == 3 and _day(parts[1]) else None


def is_local(document_id: str) -> bool:
    """Whether an id is a short local number, as many systems use."""
    return _LOCAL.fullmatch(normal(document_id)) is not None


def targets_of(document: Document) -> tuple[str, ...]:
    """The ids of the documents that a recall, update or replacement refers to."""
    block = document.bussiness
    match block.type:
        case BusinessType.NEW:
            return ()
        case BusinessType.RECALL | BusinessType.UPDATE:
            return (block.target_document_id or document.document_id,)
        case BusinessType.REPLACE:
            return tuple(replacement.document_id for replacement in block.replacements)


def references_of(document: Document) -> tuple[str, ...]:
    """Every document id in a message: its targets and its own."""
    return tuple(dict.fromkeys((*targets_of(document), document.document_id)))


def _day(text: str) -> str | None:
    for form in _DATES:
        if found := form.fullmatch(text):
            return f"{found['year']}{found['month']:0>2}{found['day']:0>2}"
    return None


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category in _UNSEEN_CATEGORIES or char in _BLANK_LETTERS:
        return ""
    if category == "Nd":
        return str(unicodedata.digit(char))
    return "-" if category == "Pd" else char
