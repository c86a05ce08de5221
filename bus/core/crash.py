"""Crash: describes an unexpected exception, or what a thread does, without quoting any content.

The text of an exception is never used, because it may quote content: only its type and its place.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from types import FrameType, TracebackType

from schemas.problem import AxisError, Problem
from schemas.term import term

MOST_STEPS = 12
"""The largest number of calls that are kept, those nearest to the error."""

_DUMPED = re.compile(r'^ {2}File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>\S+)$')


def cause_of(error: BaseException) -> str:
    """Its type and its place, for example `KeyError (bus.core.wire:120)`."""
    first = _first_of(error)
    place = _place_of(first)
    name = type(first).__name__
    return f"{name} ({place})" if place else name


def steps_to(error: BaseException) -> tuple[str, ...]:
    """The modules and lines from the caller to the place of the error, at most `MOST_STEPS`."""
    return tuple(_steps(_first_of(error).__traceback__))[-MOST_STEPS:]


def problem_of(error: BaseException, *, stage: str) -> Problem:
    """The problem of an `AxisError`; for any other exception E_INTERNAL with type and place."""
    first = _first_of(error)
    if isinstance(first, AxisError):
        return first.problem
    cause = term("crash", error=cause_of(first))
    way = way_of(steps_to(first))
    return AxisError.of("E_INTERNAL", stage=stage, cause=cause, detail=way).problem


def way_of(steps: Sequence[str]) -> str | None:
    """Steps as the detail of a problem: the innermost first, because the end may be cut off."""
    return " < ".join(reversed(steps)) or None


def steps_of(frame: FrameType | None) -> tuple[str, ...]:
    """The calls of a thread now, as `package/module.py:12 function`; the last is the innermost."""
    found: list[str] = []
    while frame is not None and len(found) < MOST_STEPS:
        found.append(_step(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(reversed(found))


def steps_dumped(text: str) -> tuple[str, ...]:
    """The same from what the module `faulthandler` has written about one thread."""
    matches = (_DUMPED.match(line) for line in text.splitlines())
    found = [_step(m["file"], int(m["line"]), m["function"]) for m in matches if m]
    return tuple(reversed(found[:MOST_STEPS]))


def culprit(steps: Sequence[str], *, code: str) -> str:
    """The innermost step in a module or its package; else the innermost of all; else empty.

    Args:
        code: The file of the module.
    """
    package = PurePath(code).parent.name if PurePath(code).name == "__init__.py" else ""
    for step in reversed(steps):
        file = step.rpartition(":")[0]
        if file == _short(code) or (package and PurePath(file).parent.name == package):
            return step
    return steps[-1] if steps else ""


def _first_of(error: BaseException) -> BaseException:
    """The first exception in a group; the exception itself if it is not a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _place_of(error: BaseException) -> str:
    """Where it was raised: the innermost place outside the standard library, if there is one."""
    steps = list(_steps(error.__traceback__))
    own = [step for step in steps if re.split("[.:]", step)[0] not in sys.stdlib_module_names]
    return next(reversed(own or steps), "")


def _steps(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        yield f"{module}:{traceback.tb_lineno}"
        traceback = traceback.tb_next


def _step(file: str, line: int, function: str) -> str:
    return f"{_short(file)}:{line} {function}"


def _short(file: str) -> str:
    """The last two parts of a path: package and module."""
    return "/".join(PurePath(file).parts[-2:])
