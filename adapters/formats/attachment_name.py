"""Attachment name: from what a packet says to a file name that is safe to show and to write."""

import unicodedata

from adapters.formats.media_type import extension, extension_for, sniff
from schemas.limits import MAX_FILE_NAME_BYTES

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, invisible (they can turn the reading direction), line ends."""


def safe_name(raw: str, head: bytes) -> str:
    """Make a name safe (handbook 2.4): base name, no control characters, NFC, at most 255 bytes.

    A name without an extension gets the one its first bytes call for; the extension of a ZIP is
    written in lower case, because the vendors' reader unpacks a `.ZIP`. A safe name stays as it is.
    """
    name = unicodedata.normalize("NFC", raw).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c) not in _UNSAFE)
    # A leading dot would hide the file, and make `..` of two.
    name = unicodedata.normalize("NFC", name).strip().lstrip(". ") or "file"
    if not extension(name):
        name = f"{name.rstrip('. ')}.{extension_for(sniff(head, name))}"
    stem, _, suffix = name.rpartition(".")
    if suffix.lower() == "zip":
        suffix = "zip"
    room = MAX_FILE_NAME_BYTES - len(suffix) - 1
    stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return f"{stem}.{suffix}"
