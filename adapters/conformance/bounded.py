"""Bounded: an act in a process of its own, whose memory and time the kernel bounds.

What does not come to its end, or takes too much memory in whichever language, harms nobody, and is
found out.
"""

import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from adapters.contract import MIB

MEMORY_BYTES = 128 * MIB
"""Beyond what the process has already."""
SECONDS = 60.0
_MOST_TOLD_BYTES = 64 * 1024


def within_bounds(act: Callable[[], str]) -> str:
    """Do something elsewhere, and answer what it answers; or what became of it.

    Returns:
        The answer; the traceback of an exception; or `does not end`, `takes too much memory`, or
        the signal that it died of.
    """
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        _act(act, told)
    os.close(told)
    try:
        said = _said(heard)
    finally:
        os.close(heard)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if said is None:
        return "does not end"
    if not said and os.WIFSIGNALED(status):
        number = signal.Signals(os.WTERMSIG(status))
        return "does not end" if number is signal.SIGXCPU else f"dies of {number.name}"
    return said.decode(errors="replace")


def _act(act: Callable[[], str], told: int) -> None:
    try:
        _bound_memory()
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS) + 5, int(SECONDS) + 10))
        answer = act()
    except MemoryError:
        answer = "takes too much memory"
    except BaseException:  # noqa: BLE001 (the other process tells it)
        answer = traceback.format_exc()
    try:
        os.write(told, answer.encode(errors="replace")[:_MOST_TOLD_BYTES])
    finally:
        os._exit(0)


def _bound_memory() -> None:
    """Where the system says how much there is already; elsewhere only time is bounded."""
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        now = int(sizes.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY_BYTES, resource.RLIM_INFINITY))


def _said(heard: int) -> bytes | None:
    """What comes until the end; None when it does not come in time."""
    deadline, said = time.monotonic() + SECONDS, b""
    while True:
        ready, _, _ = select.select([heard], (), (), max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        piece = os.read(heard, _MOST_TOLD_BYTES)
        if not piece:
            return said
        said += piece
