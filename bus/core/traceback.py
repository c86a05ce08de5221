"""Traceback: what a thread is doing now, or was doing when its process was ended.

A step is told as `package/module.py:12 function`; the last one is the innermost. What an exception
says is in `crash`.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath
from types import FrameType

from bus.core.crash import MOST_STEPS

_DUMPED = re.compile(r'^ {2}File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>\S+)$')


def steps_of(frame: FrameType | None) -> tuple[str, ...]:
    """What a thread is doing now."""
    found: list[str] = []
    while frame is not None and len(found) < MOST_STEPS:
        found.append(_told(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(reversed(found))


def steps_dumped(text: str) -> tuple[str, ...]:
    """What the module faulthandler has written about one thread."""
    matches = (_DUMPED.match(line) for line in text.splitlines())
    found = [_told(m["file"], int(m["line"]), m["function"]) for m in matches if m]
    return tuple(reversed(found[:MOST_STEPS]))


def culprit(steps: Sequence[str], *, code: str) -> str:
    """The innermost step within a module or its package; else the innermost one; else nothing.

    Args:
        code: The file of the module.
    """
    package = PurePath(code).parent.name if PurePath(code).name == "__init__.py" else ""
    for step in reversed(steps):
        file = step.rpartition(":")[0]
        if file == _short(code) or (package and PurePath(file).parent.name == package):
            return step
    return steps[-1] if steps else ""


def _told(file: str, line: int, function: str) -> str:
    return f"{_short(file)}:{line} {function}"


def _short(file: str) -> str:
    """The last two parts of a path: which package, which module."""
    return "/".join(PurePath(file).parts[-2:])
