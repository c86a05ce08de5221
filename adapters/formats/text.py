"""Text: what canonical text may hold, so that every format can write it."""

import re

from schemas.term import Term, term

BLANKS = " \t\r\n"
"""Trimmed from both ends of a text; what is empty then is absent (handbook 2.6)."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fault_in(text: str) -> Term | None:
    """Why a text is not canonical: a character that XML 1.0 cannot hold; None when it is."""
    illegal = _ILLEGAL.search(text)
    return term("unwritable_character", point=f"{ord(illegal[0]):04X}") if illegal else None
