"""Encoding: every text can be printed, whatever the terminal writes with.

A terminal or a pipe need not take UTF-8 (`PYTHONIOENCODING`, an old locale). What it cannot take is
replaced by what comes nearest; no command ends because of a letter, printed or in a file's name.
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
    """Begin anew in Python's UTF-8 mode where files could not have every name.

    Under an old locale a file of an agency whose name holds a Vietnamese letter could neither be
    written nor opened. Standard output keeps its encoding.
    """
    if "utf-8" in sys.getfilesystemencoding().lower() or sys.flags.ignore_environment:
        return
    os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (ourselves)


def print_anything() -> None:
    """Let standard output and standard error take any text from now on."""
    codecs.register_error(_NEAREST, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_NEAREST)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """A letter without its marks, a line of minus signs; else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_ascii, lacking)), error.end


def _ascii(char: str) -> str:
    base = _STANDS_FOR.get(char) or normalize("NFKD", char)[0]
    return base if base.isascii() else "?"
