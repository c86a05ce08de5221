"""Attachment name: make a file name that is safe to show and to write from a name in a packet."""

import re
import unicodedata

from adapters.formats.media_type import extension, extension_for, sniff
from schemas.file_name import DRIVE, UNSAFE
from schemas.limits import MAX_FILE_NAME_BYTES

_LEADING = re.compile(r"^[.\s]+")


def safe_name(raw: str, head: bytes) -> str:
    """Make a name safe by the rules of `schemas.file_name`; a safe name stays as it is.

    A name without an extension gets the one that its first bytes show. The extension of a ZIP is
    written in lower case, because vendors' readers unpack a `.ZIP`.
    """
    name = unicodedata.normalize("NFC", raw).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c) not in UNSAFE)
    # A leading dot would hide the file, and make `..` of two.
    name = _LEADING.sub("", unicodedata.normalize("NFC", name).strip()) or "file"
    if DRIVE.match(name):
        name = f"{name[0]}-{name[2:]}"
    if not extension(name):
        name = f"{name.rstrip('. ')}.{extension_for(sniff(head, name))}"
    stem, _, suffix = name.rpartition(".")
    if suffix.lower() == "zip":
        suffix = "zip"
    room = MAX_FILE_NAME_BYTES - len(suffix) - 1
    stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return f"{stem}.{suffix}"
