"""Crash: what an exception that nobody expected says: its type, and where it was raised.

Never its text, which may quote content.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType

from schemas.problem import AxisError, Problem
from schemas.term import term

MOST_STEPS = 12
"""Of the way from the caller to the place of the error; the last ones."""


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
    """The problem that an exception tells; E_INTERNAL with type and place for any other."""
    first = _first_of(error)
    if isinstance(first, AxisError):
        return first.problem
    cause = term("crash", error=cause_of(first))
    way = way_of(steps_to(first))
    return AxisError.of("E_INTERNAL", stage=stage, cause=cause, detail=way).problem


def way_of(steps: Sequence[str]) -> str | None:
    """Steps as the detail of a problem: the innermost first, for it may be cut off."""
    return " < ".join(reversed(steps)) or None


def _first_of(error: BaseException) -> BaseException:
    """Of a group, the first that it holds."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _place_of(error: BaseException) -> str:
    """Where it was raised; not within the standard library, if somebody else called that."""
    steps = list(_steps(error.__traceback__))
    own = [step for step in steps if re.split("[.:]", step)[0] not in sys.stdlib_module_names]
    return next(reversed(own or steps), "")


def _steps(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        yield f"{module}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
