"""Text: which characters canonical text may contain, so that every format can write it."""

import re

from schemas.term import Term, term

BLANKS = " \t\r\n"
"""Removed from both ends of a text; a text that is empty then counts as absent."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fault_in(text: str) -> Term | None:
    """The character that XML 1.0 cannot contain, as a reason; None: the text is canonical."""
    illegal = _ILLEGAL.search(text)
    return term("unwritable_character", point=f"{ord(illegal[0]):04X}") if illegal else None
