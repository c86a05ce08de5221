"""Bounded work: runs a function in a process of its own, whose memory and time the kernel limits.

So a function that never ends or takes too much memory, also in native code, is found out and harms
nothing else. It needs a system with `fork`.
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
_MOST_BYTES = 64 * 1024


def within_bounds(act: Callable[[], str]) -> str:
    """Run a function in another process.

    Returns:
        What it returns; the traceback of its exception; or `does not end`, `takes too much memory`
        or `dies of` a signal.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _act(act, writing)
    os.close(writing)
    try:
        answer = _read(reading)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if answer is None:
        return "does not end"
    if not answer and os.WIFSIGNALED(status):
        number = signal.Signals(os.WTERMSIG(status))
        return "does not end" if number is signal.SIGXCPU else f"dies of {number.name}"
    return answer.decode(errors="replace")


def _act(act: Callable[[], str], writing: int) -> None:
    try:
        _bound_memory()
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS) + 5, int(SECONDS) + 10))
        answer = act()
    except MemoryError:
        answer = "takes too much memory"
    except BaseException:  # noqa: BLE001 (the other process tells it)
        answer = traceback.format_exc()
    try:
        os.write(writing, answer.encode(errors="replace")[:_MOST_BYTES])
    finally:
        os._exit(0)


def _bound_memory() -> None:
    """Limit the memory beyond that of the process so far, where the system tells how much it is."""
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        now = int(sizes.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY_BYTES, resource.RLIM_INFINITY))


def _read(reading: int) -> bytes | None:
    """Read to the end; None: the end did not come in time."""
    deadline, answer = time.monotonic() + SECONDS, b""
    while True:
        ready, _, _ = select.select([reading], (), (), max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        piece = os.read(reading, _MOST_BYTES)
        if not piece:
            return answer
        answer += piece
