"""Legible: what strangers wrote, made safe to print on a terminal."""

import unicodedata

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Escape sequences would move the cursor, change colours or hide text; format characters (Cf) turn
# the direction of writing, so that a number reads differently from what it is.


def legible(text: str) -> str:
    """The text on one line, without anything that a terminal would obey instead of show."""
    return "".join(
        _REPLACEMENT if unicodedata.category(char) in _UNFIT else char
        for char in " ".join(text.split())
    )


def size(count: int) -> str:
    """`812 B`, `2.1 KB`, `5.0 MB`."""
    if count < 1000:
        return f"{count} B"
    power = min((len(str(count)) - 1) // 3, 3)
    return f"{count / 1000**power:.1f} {' KMG'[power]}B"
