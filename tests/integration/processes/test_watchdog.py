"""A format of ours that does not end ends its process, and the next one does not try it again."""

import subprocess
import sys
from pathlib import Path

import pytest

from bus.processes.watchdog import OVERDUE

WORK = """
import io, re, sys, time
from datetime import date, timedelta
from pathlib import Path
from adapters.contract import Limits
from adapters.formats.canonical_json import CanonicalJsonFormat
from bus.memory.attachments import MemoryAttachments
from bus.services.crash_guard import CrashGuard, with_crash_guard
from bus.home.attempts import FolderAttempts
from schemas.problem import AxisError

class Hanging(CanonicalJsonFormat):
    def read(self, source, *, sink, limits, today):
        if how == "loop":
            while True:
                pass
        if how == "native":
            re.match(r"(a+)+$", "a" * 64 + "b")
        time.sleep(4)

folder, how, careful = sys.argv[1:]
guard = CrashGuard(
    FolderAttempts(Path(folder)),
    deadline=timedelta(seconds=1),
    observe=lambda lost: print(lost.work, *lost.steps, flush=True),
)
if careful == "careful":
    guard.be_careful()
try:
    with_crash_guard(Hanging(), guard).read(
        io.BytesIO(b"content"), sink=MemoryAttachments(), limits=Limits(), today=date(2026, 3, 12)
    )
except AxisError as error:
    print(error)
"""


def work(folder: Path, how: str, carefulness: str = "at ease") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WORK, str(folder), how, carefulness],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def test_an_endless_loop_ends_the_process_and_is_refused_by_the_next_one(tmp_path: Path) -> None:
    """It is named with its line before."""
    done = work(tmp_path, "loop")

    assert done.returncode == OVERDUE
    assert done.stdout.startswith("read ")
    assert done.stdout.endswith(" read\n")
    again = work(tmp_path, "loop", "careful")
    assert again.returncode == 0
    assert "E_FORMAT_CRASHED" in again.stdout


def test_code_that_holds_the_interpreter_ends_the_process(tmp_path: Path) -> None:
    """By a clock outside of it, which says where."""
    done = work(tmp_path, "native")

    assert done.returncode != 0
    assert "Timeout" in done.stderr
    assert " in read" in done.stderr


@pytest.mark.parametrize("carefulness", ["at ease", "careful"])
def test_a_wait_is_not_work(tmp_path: Path, carefulness: str) -> None:
    """For a disk, for example: it takes longer than the deadline, and nothing happens."""
    done = work(tmp_path, "sleep", carefulness)

    assert (done.returncode, done.stdout) == (0, "")
