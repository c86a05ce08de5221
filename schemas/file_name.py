"""File name: which names from outside are safe to show and to write (handbook 2.4).

One rule for attachments wherever they come from: formats make names so, senders refuse others
before they sign, recipients refuse them after the proof, and nothing is written under another.
"""

import re
from unicodedata import category, is_normalized

from schemas.limits import MAX_FILE_NAME_BYTES

UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, invisible (they can turn the reading direction), line ends."""
DRIVE = re.compile(r"[A-Za-z]:")
"""In front of a name, Windows takes it for a disk: `C:a.pdf` would lie on another one."""
_SEPARATORS = frozenset("/\\")


def is_plain_name(name: str) -> bool:
    """Whether it is the name of a file in the folder where it is put, and looks like what it is.

    Neither empty nor hidden nor `..`, without separators of any system, a disk in front, controls,
    direction marks and blanks around it, in NFC, at most 255 bytes of UTF-8.
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
    """The name with what cannot be seen written out, as in `fdp<U+202E>txt.exe`."""
    return "".join(f"<U+{ord(char):04X}>" if category(char) in UNSAFE else char for char in name)
