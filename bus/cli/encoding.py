"""Encoding: every text can be printed, whatever the encoding of the terminal is.

A terminal or a pipe may have another encoding than UTF-8 (`PYTHONIOENCODING`, an old locale).
Characters outside of it are replaced by similar ones. So no command fails because of a character in
its output or in a file name.
"""

import codecs
import os
import sys
from io import TextIOWrapper
from unicodedata import normalize

_NEAREST = "lienthong.nearest"
_STANDS_FOR = {
    **dict(zip("Đđ→↑↓▾▏↩", "Dd>^vv|<", strict=True)),
    **dict.fromkeys("–—─━╌╍", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼┏┓┗┛┡┩╇╈╞╡╪", "+"),
    **dict.fromkeys("…·•", "."),
    **dict.fromkeys("✔✘", "*"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’‚", "'"),
}


def name_anything() -> None:
    """Restart this process in Python's UTF-8 mode if its locale does not allow every file name.

    Under an old locale, files with Vietnamese letters in their names could not be written or
    opened. Standard output keeps its encoding.
    """
    if "utf-8" in sys.getfilesystemencoding().lower() or sys.flags.ignore_environment:
        return
    os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (ourselves)


def print_anything() -> None:
    """From now on, standard output and standard error accept any text."""
    codecs.register_error(_NEAREST, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_NEAREST)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """A similar character: a letter without marks, a minus sign for a line, or a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_ascii, lacking)), error.end


def _ascii(char: str) -> str:
    base = _STANDS_FOR.get(char) or normalize("NFKD", char)[0]
    return base if base.isascii() else "?"
