"""Legible: what strangers wrote, made safe to print on a terminal."""

from unicodedata import category

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Escape sequences would move the cursor, change colours or hide text; format characters (Cf) turn
# the direction of writing, so that a number reads differently from what it is.


def legible(text: str) -> str:
    """The text on one line, without anything that a terminal would obey instead of show."""
    return _shown(" ".join(text.split()))


def legible_lines(text: str) -> str:
    """The same of a text whose lines and blanks stay as they are, such as a traceback."""
    return "\n".join(map(_shown, text.expandtabs(4).split("\n")))


def _shown(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(_REPLACEMENT if category(char) in _UNFIT else char for char in line)


def escaped(json: str) -> str:
    """JSON in which the same characters are written as escapes; it says what it said before."""
    if json.replace("\n", "").isprintable():
        return json
    return "".join(map(_escape, json))


def referenced(xml: str) -> str:
    """XML in whose texts the same characters are written as references; it says the same."""
    if xml.replace("\n", "").isprintable():
        return xml
    return "".join(
        f"&#x{ord(char):X};" if category(char) in _UNFIT and char not in "\t\n\r" else char
        for char in xml
    )


def _escape(char: str) -> str:
    if char == "\n" or category(char) not in _UNFIT:
        return char
    number = ord(char)
    if number < 0x10000:
        return f"\\u{number:04x}"
    high, low = divmod(number - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
