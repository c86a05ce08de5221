"""Traceback: where in the code something went wrong, without what it went wrong over.

A frame is told as `package/module.py:12 function`: no values, and no line of code, which might hold
a constant of somebody's. The innermost stands first.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath
from types import FrameType, TracebackType

MOST_FRAMES = 12
_DUMPED = re.compile(r'^ {2}File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>\S+)$')


def frames_of(error: BaseException) -> tuple[str, ...]:
    """Where an exception was raised."""
    found: list[str] = []
    step: TracebackType | None = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        found.append(_told(code.co_filename, step.tb_lineno, code.co_name))
        step = step.tb_next
    return tuple(found[::-1][:MOST_FRAMES])


def frames_from(frame: FrameType | None) -> tuple[str, ...]:
    """What a thread is doing now."""
    found: list[str] = []
    while frame is not None and len(found) < MOST_FRAMES:
        found.append(_told(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(found)


def frames_dumped(text: str) -> tuple[str, ...]:
    """What the module faulthandler has written about one thread."""
    matches = (_DUMPED.match(line) for line in text.splitlines())
    found = (_told(m["file"], int(m["line"]), m["function"]) for m in matches if m)
    return tuple(found)[:MOST_FRAMES]


def culprit(frames: Iterable[str], *, code: str) -> str:
    """The innermost frame within a module or its package; else the innermost one; else nothing.

    Args:
        code: The file of the module.
    """
    known = tuple(frames)
    package = PurePath(code).parent.name if PurePath(code).name == "__init__.py" else ""
    for frame in known:
        file = frame.rpartition(":")[0]
        if file == _short(code) or (package and PurePath(file).parent.name == package):
            return frame
    return known[0] if known else ""


def _told(file: str, line: int, function: str) -> str:
    return f"{_short(file)}:{line} {function}"


def _short(file: str) -> str:
    """The last two parts of a path: which package, which module."""
    return "/".join(PurePath(file).parts[-2:])
