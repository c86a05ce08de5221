"""How long an operator waits: for a command, for an axis to start, and for it to stop.

The directory is the one that a new home has: 95 connected agencies.

python -m tests.benchmarks.starting
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import typer

from tests.acceptance.conftest import RunningAxis, lienthong
from tests.acceptance.packets import a_packet

_RUNS = 7
_REST_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Starting:
    """What was measured, in seconds.

    Attributes:
        commands: The median of several runs of each command, from its start to its end.
        first: `lienthong up` in a home without broker, keys and database, until it is up.
        again: The same in the home that the first left.
        stop: From Ctrl-C on the idle axis until the parent and all children have ended.
    """

    commands: dict[str, float]
    first: float
    again: float
    stop: float

    def __str__(self) -> str:
        """Lines to print."""
        commands = ", ".join(f"{name} {took:.2f} s" for name, took in self.commands.items())
        return (
            f"Commands, median of {_RUNS} runs: {commands}\n"
            f"Axis of 95 agencies: up for the first time in {self.first:.1f} s, "
            f"again in {self.again:.1f} s; Ctrl-C while idle: stopped in {self.stop:.1f} s"
        )


def measure() -> Starting:
    """Start an axis twice, stop it while it is idle, and run commands in its home."""
    with tempfile.TemporaryDirectory(prefix="starting-") as folder:
        home = Path(folder) / "axis"
        home.mkdir()
        first, _ = _start_and_stop(home)
        again, stop = _start_and_stop(home)
        packet = Path(folder) / "small.edxml"
        packet.write_bytes(a_packet(sender="H24", receivers=["H41"], number="1"))
        commands = {
            "--help": _run("--help"),
            "convert": _run("convert", packet, "--to", "json"),
            "dlq groups": _run("dlq", "groups", "--home", home),
        }
    return Starting(commands=commands, first=first, again=again, stop=stop)


def _start_and_stop(home: Path) -> tuple[float, float]:
    began = time.monotonic()
    with RunningAxis(home) as axis:
        up = time.monotonic() - began
        time.sleep(_REST_SECONDS)
        began = time.monotonic()
        axis.interrupt_all()
        return up, time.monotonic() - began


def _run(*arguments: str | Path) -> float:
    times = []
    for _ in range(_RUNS):
        began = time.monotonic()
        done = lienthong(*arguments)
        times.append(time.monotonic() - began)
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
    return median(times)


def main() -> None:
    """Measure, and print."""
    print(measure())  # noqa: T201 (its purpose)


if __name__ == "__main__":
    typer.run(main)
