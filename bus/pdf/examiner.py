"""Examiner: the process in which PDFs are examined: a hostile one can hurt nothing but it.

`python -m bus.pdf.examiner` takes from standard input first a line of JSON with the anchors (DER,
base64), then jobs: a line `{"size": …, "now": …}`, and so many bytes. It answers each with a line,
the verdict as JSON. Its memory and the processor time for each job are bounded by the kernel, it
writes no file, and its environment holds no secrets. Whatever ends it is a verdict, too, which
`inspector` gives.
"""

import gc
import io
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

import pybase64

from bus.pdf.examination import examine
from schemas.term import term
from schemas.verdict import PdfOutcome, PdfVerdict

MIB = 1024 * 1024
MEMORY_BYTES = 1024 * MIB
"""Of address space: the interpreter, the largest file that is checked, and what is made of it."""
PROCESSOR_SECONDS = 20
_MOST_OPEN_FILES = 16


def main() -> None:
    """Examine what comes in, until there is no more."""
    jobs = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints is no answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)
    # Ctrl-C reaches the whole process group; our parent decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    anchors = [pybase64.b64decode(anchor) for anchor in json.loads(jobs.readline())]
    _bound(resource.RLIMIT_AS, MEMORY_BYTES)
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_FSIZE, 0)
    _bound(resource.RLIMIT_NOFILE, _MOST_OPEN_FILES)
    while line := jobs.readline():
        job = json.loads(line)
        _allow_processor_time(PROCESSOR_SECONDS)
        verdict = _examine(jobs, job["size"], anchors, datetime.fromisoformat(job["now"]))
        answers.write(verdict.model_dump_json().encode() + b"\n")
        answers.flush()
        # A file of 100 MB is not held until the next one comes.
        gc.collect()


def _examine(jobs: BinaryIO, size: int, anchors: Sequence[bytes], now: datetime) -> PdfVerdict:
    try:
        return examine(io.BytesIO(jobs.read(size)), anchors=anchors, now=now)
    except MemoryError:
        reason = term("pdf_memory")
    except RecursionError:
        reason = term("pdf_deep")
    except Exception as error:  # noqa: BLE001 (no file may be without a verdict)
        reason = term("pdf_failed", error=type(error).__name__)
    return PdfVerdict(outcome=PdfOutcome.UNREADABLE, reason=reason)


def _bound(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (allowed, hard))


def _allow_processor_time(seconds: int) -> None:
    """From now on; more, and the kernel ends this process, also when its parent is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _bound(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + seconds)


if __name__ == "__main__":
    main()
