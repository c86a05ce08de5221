"""Watchdog: ends this process when a thread of it works on one thing for longer than it may.

What counts is the time that the thread uses of a processor: one that waits for a disk hangs too,
but not by its own fault. Where even this watch gets no turn, because code in C holds the
interpreter, a clock outside of it ends the process. Threads cannot be ended otherwise.
"""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from bus.core.crash import steps_of

OVERDUE = 72
"""Exit code of a process that was ended for this reason."""

_LOOK_SECONDS = 1.0
_LAST_WORDS_SECONDS = 2.0
_SLACK_SECONDS = 15.0


_clock_of = getattr(time, "pthread_getcpuclockid", lambda _: time.CLOCK_MONOTONIC)
"""Where a thread has no clock of its own, it is the one on the wall."""


@dataclass(kw_only=True)
class Watched:
    """A piece of work.

    Attributes:
        seconds: How much processor time is left to it.
        key: Tells the same thing by the same bytes.
        clock: Of the thread that is at it.
        since: What this clock said when the thread took it up.
    """

    work: str
    format: str
    seconds: float
    key: Callable[[], bytes]
    thread: int = 0
    clock: int = 0
    since: float = 0.0

    @property
    def is_overdue(self) -> bool:
        """Whether it has used more than it had."""
        try:
            return time.clock_gettime(self.clock) - self.since > self.seconds
        except OSError:
            # The thread has ended in this moment.
            return False


class Watchdog:
    """Watches the threads of one process.

    Args:
        deadline: Of processor time for one piece of work.
        lost: Told, in a thread, what is overdue and where; then the process ends.
    """

    def __init__(
        self, deadline: timedelta, *, lost: Callable[[Watched, tuple[str, ...]], None]
    ) -> None:
        self.deadline = deadline
        self._lost = lost
        self._watched: dict[int, Watched] = {}

    def start(self) -> None:
        """Watch, as long as the process lives."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self, work: Watched) -> Iterator[None]:
        """Watch a piece of work while this thread is at it; what it uses is taken off its time."""
        work.thread = threading.get_ident()
        work.clock = _clock_of(work.thread)
        work.since = time.clock_gettime(work.clock)
        self._watched[id(work)] = work
        try:
            yield
        finally:
            del self._watched[id(work)]
            work.seconds -= time.clock_gettime(work.clock) - work.since

    def _watch(self) -> None:
        without_a_turn = self.deadline.total_seconds() + _SLACK_SECONDS
        while True:
            faulthandler.dump_traceback_later(without_a_turn, exit=True)
            time.sleep(_LOOK_SECONDS)
            for work in list(self._watched.values()):
                if work.is_overdue:
                    self._end_over(work)

    def _end_over(self, work: Watched) -> None:
        steps = steps_of(sys._current_frames().get(work.thread))  # noqa: SLF001 (no other way)
        last_words = threading.Thread(target=self._lost, args=(work, steps), daemon=True)
        last_words.start()
        last_words.join(_LAST_WORDS_SECONDS)
        os._exit(OVERDUE)
