"""Inspector: keeps an examiner at work, and makes a verdict of whatever becomes of it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import BinaryIO

import pybase64
from pydantic import ValidationError

from bus.core.stream import chunks_of
from schemas.term import term
from schemas.verdict import PdfOutcome, PdfVerdict

DEADLINE = timedelta(seconds=25)
"""For one file, from its first byte to the verdict; more than an examiner may work."""

_MODULE = "bus.pdf.examiner"
_MOST_ANSWER_BYTES = 1024 * 1024


class Inspector:
    """One examiner at a time, started when the first file comes. Blocking; not for two threads.

    Args:
        anchors: Certificates, DER, that are trusted.
    """

    def __init__(self, anchors: Sequence[bytes], *, deadline: timedelta = DEADLINE) -> None:
        self._anchors = [pybase64.b64encode(anchor).decode() for anchor in anchors]
        self._deadline = deadline
        self._examiner: subprocess.Popen[bytes] | None = None

    def inspect(self, file: BinaryIO, *, size: int, now: datetime) -> PdfVerdict:
        """The verdict on a file of exactly `size` bytes.

        Raises what reading the file raises.
        """
        if self._examiner is not None and self._examiner.poll() is not None:
            # It ended while nobody asked: that is nothing against this file.
            self.close()
        fresh = self._examiner is None
        examiner = self._examiner = self._examiner or _start()
        too_late = threading.Event()

        def end() -> None:
            too_late.set()
            examiner.kill()

        timer = threading.Timer(self._deadline.total_seconds(), end)
        timer.start()
        try:
            anchors = self._anchors if fresh else None
            answer = _ask(examiner, file, anchors=anchors, size=size, now=now)
        except BaseException:
            # It waits for the rest of a file that will not come.
            self.close()
            raise
        finally:
            timer.cancel()
        if answer is not None and answer.outcome is not PdfOutcome.UNREADABLE:
            return answer
        # Who has read what cannot be read may have suffered from it.
        self.close()
        if answer is not None:
            return answer
        if too_late.is_set():
            reason = term("pdf_late", seconds=f"{self._deadline.total_seconds():g}")
        else:
            reason = term("pdf_broke_off")
        return PdfVerdict(outcome=PdfOutcome.UNREADABLE, reason=reason)

    @property
    def pid(self) -> int | None:
        """Of the examiner, while there is one."""
        return None if self._examiner is None else self._examiner.pid

    def close(self) -> None:
        """End the examiner."""
        examiner, self._examiner = self._examiner, None
        if examiner is not None:
            examiner.kill()
            for end in (examiner.stdin, examiner.stdout):
                if end is not None:
                    with suppress(OSError):
                        end.close()
            examiner.wait()


def _start() -> subprocess.Popen[bytes]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
    return subprocess.Popen(  # noqa: S603 (ourselves)
        [sys.executable, "-P", "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Nothing else of ours: a setting may hold a password.
        env={"PYTHONPATH": path, "PATH": os.defpath, "LC_ALL": "C.UTF-8"},
    )


def _ask(
    examiner: subprocess.Popen[bytes],
    file: BinaryIO,
    *,
    anchors: Sequence[str] | None,
    size: int,
    now: datetime,
) -> PdfVerdict | None:
    """Give the file to the examiner; its verdict, or None when it ended without.

    Args:
        anchors: What an examiner has to be told first.
    """
    jobs, answers = examiner.stdin, examiner.stdout
    if jobs is None or answers is None:
        return None
    left = size
    try:
        if anchors is not None:
            jobs.write(json.dumps(anchors).encode() + b"\n")
        jobs.write(json.dumps({"size": size, "now": now.isoformat()}).encode() + b"\n")
        for chunk in chunks_of(file):
            jobs.write(chunk)
            left -= len(chunk)
            if left < 0:
                break
        jobs.flush()
    except BrokenPipeError:
        return None
    if left:
        # Not the bytes that were announced: it would wait for ever, or take them for a job.
        return None
    line = answers.readline(_MOST_ANSWER_BYTES)
    try:
        return PdfVerdict.model_validate_json(line) if line.endswith(b"\n") else None
    except ValidationError:
        return None
