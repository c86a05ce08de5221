"""An idle axis: what it costs while nothing happens, and how soon one document is there and back.

The first 95 agencies are those of every new home; what is asked beyond them is added.

python -m tests.benchmarks.idle --agencies 95
"""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import typer

from bus.core.directory import seed_directory
from bus.core.routing import Routing
from bus.home.directory_file import seed_text
from tests.acceptance.conftest import RunningAxis, lienthong
from tests.acceptance.packets import a_packet

_CODES = "V{:04}"
_REST_SECONDS = 5.0
_SHORTEST_SECONDS = 0.002
_DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Idle:
    """What was measured.

    Attributes:
        trips: Seconds from the rename into the outbox until the receipt is in the sender's inbox.
        arrivals: Seconds until the document is in the recipient's inbox.
        cpu: Share of one processor that all Python processes use together while nothing happens.
        memory: Bytes of them together, shared pages counted once (PSS).
        processes: How many they are.
    """

    agencies: int
    trips: tuple[float, ...]
    arrivals: tuple[float, ...]
    cpu: float
    memory: int
    processes: int

    def __str__(self) -> str:
        """Lines to print."""
        return (
            f"Idle axis, {self.agencies} agencies: {self.cpu:.1%} of one processor, "
            f"{self.memory / 1e6:.0f} MB (PSS) in {self.processes} Python processes\n"
            f"One document there: {_told(self.arrivals)}; and its receipt back: "
            f"{_told(self.trips)}"
        )


def measure(agencies: int = 95, *, documents: int = 40, seconds: float = 30.0) -> Idle:
    """Start an axis, let it rest, look at what it costs, and send documents one at a time."""
    with tempfile.TemporaryDirectory(prefix="idle-") as folder:
        home = Path(folder)
        (home / "axis").mkdir()
        seeded = Routing(seed_directory(seed_text())).mailboxes
        codes: list[str] = list(seeded[:agencies])
        if more := [_CODES.format(number) for number in range(agencies - len(codes))]:
            table = home / "agencies.csv"
            rows = [f"{code},Cơ quan {code},yes" for code in more]
            table.write_text("\n".join(["code,name,connected", *rows, ""]), encoding="utf-8")
            done = lienthong("agency", "import", table, "--yes", "--home", home / "axis")
            if done.returncode:
                raise RuntimeError(done.stderr.decode())
        codes += more
        with RunningAxis(home / "axis", "--agencies", ",".join(codes)) as axis:
            _send(axis, codes[0], codes[1], 0)
            time.sleep(_REST_SECONDS)
            processes = [pid for pid in _family(axis.pid) if _is_python(pid)]
            before, began = sum(map(_cpu_seconds, processes)), time.monotonic()
            time.sleep(seconds)
            spent = (sum(map(_cpu_seconds, processes)) - before) / (time.monotonic() - began)
            memory = sum(map(_pss, processes))
            times = [
                _send(axis, codes[n % agencies], codes[(n + 1) % agencies], n)
                for n in range(1, documents + 1)
            ]
    return Idle(
        agencies=agencies,
        arrivals=tuple(there for there, _ in times),
        trips=tuple(back for _, back in times),
        cpu=spent,
        memory=memory,
        processes=len(processes),
    )


def _send(axis: RunningAxis, sender: str, recipient: str, number: int) -> tuple[float, float]:
    """Send one document; seconds until it is there, and until its receipt is back."""
    packet = a_packet(sender=sender, receivers=[recipient], number=str(number))
    there = axis.agency(recipient).path / "inbox/documents"
    back = axis.agency(sender).path / "inbox/statuses"
    had = len(os.listdir(there)), len(os.listdir(back))  # noqa: PTH208 (cheaper)
    began = time.monotonic()
    axis.agency(sender).drop(f"{number}.edxml", packet)
    arrived = _until_more(there, had[0]) - began
    answered = _until_more(back, had[1]) - began
    time.sleep(0.3)
    return arrived, answered


def _until_more(folder: Path, count: int) -> float:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while len(os.listdir(folder)) <= count:  # noqa: PTH208 (cheaper)
        if time.monotonic() > deadline:
            raise TimeoutError(folder)
        time.sleep(_SHORTEST_SECONDS)
    return time.monotonic()


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            yield from _family(int(child))


def _is_python(pid: int) -> bool:
    return "python" in Path(f"/proc/{pid}/exe").readlink().name


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _told(times: tuple[float, ...]) -> str:
    cuts = quantiles(times, n=20)
    return f"p50 {cuts[9] * 1000:.0f} ms, p95 {cuts[18] * 1000:.0f} ms"


def main(agencies: int = 95, documents: int = 40, seconds: float = 30.0) -> None:
    """Measure, and print."""
    print(measure(agencies, documents=documents, seconds=seconds))  # noqa: T201 (its purpose)


if __name__ == "__main__":
    typer.run(main)
