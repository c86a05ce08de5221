"""Bounded work: runs a function in a process of its own, whose memory and time the kernel limits.

So a function that never ends or takes too much memory, also in native code, is found out and harms
nothing else. It needs a system with `fork`.
"""

import multiprocessing
import resource
import signal
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from adapters.conformance import promised
from adapters.contract import MIB

MEMORY_BYTES = 128 * MIB
"""Beyond what the process has already."""
SECONDS = 60.0
_MOST_CHARS = 64 * 1024


def within_bounds(act: Callable[[], str]) -> str:
    """Run a function in another process.

    Returns:
        What it returns; the traceback of its exception; or `does not end`, `takes too much memory`,
        `dies of` a signal or `ends with code`.
    """
    processes = multiprocessing.get_context("fork")
    reading, writing = processes.Pipe(duplex=False)
    child = processes.Process(target=_act, args=(act, writing), daemon=True)
    child.start()
    writing.close()
    try:
        return str(reading.recv()) if reading.poll(SECONDS) else "does not end"
    except EOFError:
        child.join()
        code = child.exitcode or 0
        if code == -signal.SIGXCPU:
            return "does not end"
        return f"dies of {signal.Signals(-code).name}" if code < 0 else f"ends with code {code}"
    finally:
        child.kill()
        child.join()
        reading.close()


def _act(act: Callable[[], str], writing: Connection) -> None:
    try:
        _bound_memory()
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS) + 5, int(SECONDS) + 10))
        answer = act()
    except MemoryError:
        answer = "takes too much memory"
    except BaseException:  # noqa: BLE001 (the other process tells it)
        answer = traceback.format_exc()
    writing.send(answer[:_MOST_CHARS])


def _bound_memory() -> None:
    """Limit the memory beyond that of the process so far, where the system tells how much it is."""
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        now = int(sizes.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY_BYTES, resource.RLIM_INFINITY))


@contextmanager
def bounded_memory(most: int = 8 * MIB) -> Iterator[None]:
    """Raise `AssertionError` when the block takes more memory of Python than so many bytes."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    promised(peak <= most, f"memory stays bounded ({peak:,} bytes)")
