"""Redaction: secrets taken out of a text before it leaves the process.

One rule for problems, warnings and log lines. It knows secrets by the shape in which drivers quote
them; that nothing else is ever put into a text is the duty of whoever writes it.
"""

import re

HIDDEN = "***"

# The password of a URL ends at the last `@` before a blank or a slash: a raw one may hold `@`, `:`.
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
    """The text with passwords, tokens and private keys replaced by `***`."""
    if not _HINT.search(text):
        return text
    text = _PRIVATE_KEY.sub(rf"-----BEGIN \1----- {HIDDEN}", text)
    text = _IN_URL.sub(rf"\1{HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)
    return _NAMED.sub(rf"\1{HIDDEN}", text)
