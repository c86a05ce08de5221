"""Which names of attachments are safe to show and to write as files.

Formats make names safe, senders refuse other names before they sign, and recipients refuse them
after they have verified the signature. No file is written under another name.
"""

import re
from unicodedata import category, is_normalized

from schemas.limits import MAX_FILE_NAME_BYTES

UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, invisible characters and direction marks, line ends."""
DRIVE = re.compile(r"[A-Za-z]:")
"""A prefix that Windows reads as a drive: `C:a.pdf` would be on another disk."""
_SEPARATORS = frozenset("/\\")


def is_plain_name(name: str) -> bool:
    """Whether a name names a visible file in the folder where it is written, on every system.

    The name is not empty, hidden or `..`. It has no separators, drive, control characters,
    direction marks or blanks at the ends, is in NFC, and has at most 255 bytes of UTF-8.
    """
    return (
        name != ""
        and not name.startswith(".")
        and DRIVE.match(name) is None
        and name == name.strip()
        and not any(char in _SEPARATORS or category(char) in UNSAFE for char in name)
        and is_normalized("NFC", name)
        and len(name.encode()) <= MAX_FILE_NAME_BYTES
    )


def shown(name: str) -> str:
    """The name with invisible characters written as in `fdp<U+202E>txt.exe`."""
    return "".join(f"<U+{ord(char):04X}>" if category(char) in UNSAFE else char for char in name)
