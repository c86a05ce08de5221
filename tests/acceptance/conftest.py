"""A running `lienthong up`, driven as an agency's system and an operator would drive it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest

_DEADLINE_SECONDS = 90.0
_PAUSE_SECONDS = 0.05

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], *, within: float = _DEADLINE_SECONDS) -> Found:
    """Wait until `look` finds something true; fail with its last answer otherwise."""
    deadline = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {within} s: last {found!r}")
        time.sleep(_PAUSE_SECONDS)
    return found


def lienthong(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bus.cli", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=_DEADLINE_SECONDS,
    )


@dataclass
class AgencyFolder:
    """What one agency's system sees."""

    path: Path

    def drop(self, name: str, content: bytes) -> None:
        """Put a file into the outbox as a careful system does: whole, by a rename."""
        outbox = self.path / "outbox"
        hidden = outbox / f".{name}.part"
        hidden.write_bytes(content)
        hidden.rename(outbox / name)

    def inbox(self, kind: str = "documents") -> list[Path]:
        """What has arrived, by name."""
        return sorted(p for p in (self.path / "inbox" / kind).iterdir() if p.is_file())

    def sent(self, name: str) -> bool:
        """Whether the file was sent."""
        return (self.path / "sent" / name).exists()

    def refusal(self, name: str) -> Any:
        """The error report beside a refused file, once it is there."""
        report = self.path / "refused" / f"{name}.error.json"
        return json.loads(report.read_text(encoding="utf-8")) if report.exists() else None


class RunningAxis:
    """`lienthong up` in a process group of its own."""

    def __init__(self, home: Path, *options: str, **environment: str) -> None:
        self.home = home
        self._log = (home / "up.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bus.cli", "up", "--home", str(home), *options],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "LIENTHONG_LOG_STYLE": "json", **environment},
        )
        self.pid = self._process.pid
        try:
            eventually(self._is_up)
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def agency(self, code: str) -> AgencyFolder:
        """An agency's folder."""
        return AgencyFolder(self.home / "agencies" / code)

    def said(self) -> str:
        """Everything the process has printed so far."""
        return (self.home / "up.log").read_text(encoding="utf-8", errors="replace")

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind so far."""
        # The last line may be half written.
        whole = self.said().splitlines(keepends=True)
        lines = [json.loads(ln) for ln in whole if ln.startswith("{") and ln.endswith("\n")]
        return [line for line in lines if line["event"] == event]

    def worker(self, part: str) -> int:
        """The process id of the worker that serves now."""
        started = self.logged("worker_started")
        return int([r["pid"] for r in started if r["worker"].rpartition("/")[2] == part][-1])

    def goes_by(self, version: int) -> bool:
        """Whether every process goes by this version of the directory."""
        if version == 1:
            return True
        lines = self.logged("directory_taken_up")
        return len([line for line in lines if line["version"] >= version]) >= self.processes

    @property
    def processes(self) -> int:
        """How many there are: the parent, its workers, and that of the dead letters."""
        return 2 + len(self.running()["worker_metrics_urls"])

    def running(self) -> dict[str, Any]:
        """What the home says of it."""
        return dict(json.loads((self.home / "running.json").read_bytes()))

    def kill(self) -> None:
        """Kill -9: no chance to say goodbye."""
        self._process.kill()
        self._process.wait()

    def interrupt_all(self) -> int:
        """Ctrl-C as a terminal sends it: to the axis and its workers; returns the exit code."""
        os.killpg(self.pid, signal.SIGINT)
        return self._process.wait(timeout=60)

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(timeout=60)

    def stop(self) -> None:
        """Stop it if it still runs."""
        if self._process.poll() is None:
            self.interrupt()
        self._log.close()

    def _is_up(self) -> bool:
        assert self._process.poll() is None, self.said()
        running = self.home / "running.json"
        return running.exists() and json.loads(running.read_bytes())["pid"] == self.pid


@pytest.fixture(scope="module")
def axis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAxis]:
    """An axis on which three agencies are connected, in a home of any name."""
    home = tmp_path_factory.mktemp("Trục mới (thử) [x]")
    with RunningAxis(home, "--agencies", "G22,H24,H41") as running:
        yield running


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAxis]:
    """An axis that serves H24 and H41; the others, such as G22, are connected elsewhere."""
    with RunningAxis(tmp_path_factory.mktemp("hub"), "--agencies", "H24,H41") as running:
        yield running
