"""Make text safe to show: without secrets, and without characters that control a terminal."""

import re
from unicodedata import category

HIDDEN = "***"
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that a terminal does not show.

Escape sequences move the cursor, change colours or hide text. Format characters (Cf) change the
writing direction, so that a number reads differently.
"""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# The password of a URL ends at the last `@` before a blank or a slash, because it may contain `@`.
_IN_URL = re.compile(r"(://[^\s/:@]*:)[^\s/]*@")
_NAMED = re.compile(
    r"(?i)(?<![a-z])((?:password|passwd|pwd|secret|token|pin|api[_-]?key)['\"]?\s*[=:]\s*)"
    r"(?:'[^']*'|\"[^\"]*\"|[^\s,;&'\"]+)"
)
_AUTHORIZATION = re.compile(r"(?i)\b(basic|bearer)\s+[a-z0-9+/=._~-]{8,}")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_HINT = re.compile(r"(?i)://|passw|pwd|secret|token|pin\b|api[_-]?key|basic|bearer|PRIVATE KEY")


def redacted(text: str) -> str:
    """The text with passwords, tokens and private keys replaced by `***`.

    Secrets are recognised only in the forms in which drivers quote them. Code that writes a text
    must not put other secrets into it.
    """
    if not _HINT.search(text):
        return text
    text = _PRIVATE_KEY.sub(rf"-----BEGIN \1----- {HIDDEN}", text)
    text = _IN_URL.sub(rf"\1{HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)
    return _NAMED.sub(rf"\1{HIDDEN}", text)


def legible(text: str) -> str:
    """The text on one line, with invisible characters replaced."""
    return _replaced(" ".join(text.split()))


def legible_lines(text: str) -> str:
    """As `legible`, but line ends and blanks stay, as in a traceback."""
    return "\n".join(map(_replaced, text.expandtabs(4).split("\n")))


def _replaced(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(_REPLACEMENT if category(char) in INVISIBLE else char for char in line)


def escaped(json: str) -> str:
    """Equal JSON with escapes in place of invisible characters."""
    if json.replace("\n", "").isprintable():
        return json
    return "".join(map(_escape, json))


def referenced(xml: str) -> str:
    """Equal XML with character references in place of invisible characters."""
    if xml.replace("\n", "").isprintable():
        return xml
    return "".join(
        f"&#x{ord(char):X};" if category(char) in INVISIBLE and char not in "\t\n\r" else char
        for char in xml
    )


def _escape(char: str) -> str:
    if char == "\n" or category(char) not in INVISIBLE:
        return char
    number = ord(char)
    if number < 0x10000:
        return f"\\u{number:04x}"
    high, low = divmod(number - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
