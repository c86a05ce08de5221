"""Workers that are killed, crash or lose their axis cost nothing and disturb nobody else."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bus.home.layout import Home
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet

FOUR = ("--agencies", "G22,H24,H41,H57", "--workers", "2")
"""By their position G22 and H41 are served by the worker 1, H24 and H57 by 2."""


@dataclass
class Traffic:
    """Documents from G22 to H24 and H41, and what these agencies' systems have taken away."""

    home: Path
    dropped: int = 0
    taken: dict[str, list[str]] = field(default_factory=lambda: {"H24": [], "H41": []})

    def drop(self, axis: RunningAxis, count: int) -> None:
        for number in range(self.dropped, self.dropped + count):
            packet = a_packet(
                sender="G22",
                receivers=list(self.taken),
                number=str(number),
                files={"a.txt": b"x" * 20_000},
            )
            axis.agency("G22").drop(f"{number:03}.edxml", packet)
        self.dropped += count

    def take_away(self) -> None:
        """What an agency's system does: move what has arrived into its own store."""
        for code, taken in self.taken.items():
            for path in (self.home / "agencies" / code / "inbox/documents").iterdir():
                taken.append(path.name)
                shutil.move(path, self.home / path.name)

    def arrived(self, code: str) -> int:
        self.take_away()
        return len(set(self.taken[code]))

    def is_done(self) -> bool:
        return all(self.arrived(code) >= self.dropped for code in self.taken) and (
            len(list((self.home / "agencies/G22/inbox/statuses").iterdir())) >= 2 * self.dropped
        )

    def must_be_exact(self) -> None:
        """Nothing lost, nothing twice, everything answered once."""
        for taken in self.taken.values():
            assert len(taken) == len(set(taken)) == self.dropped
        assert len(list((self.home / "agencies/G22/sent").iterdir())) == self.dropped
        statuses = list((self.home / "agencies/G22/inbox/statuses").iterdir())
        assert len(statuses) == 2 * self.dropped


@pytest.fixture
def four(tmp_path: Path) -> Iterator[RunningAxis]:
    """An axis with two workers."""
    with RunningAxis(tmp_path, *FOUR) as running:
        yield running


def test_workers_killed_in_the_middle_of_traffic_come_back_and_nothing_is_lost_or_doubled(
    four: RunningAxis,
) -> None:
    traffic = Traffic(four.home)
    pids = {part: four.worker(part) for part in ("1", "2")}

    for part, code in (("2", "H24"), ("1", "H41")):
        before = traffic.arrived(code)
        traffic.drop(four, 60)
        eventually(lambda code=code, before=before: traffic.arrived(code) > before)  # type: ignore[misc]
        os.kill(pids[part], signal.SIGKILL)
        eventually(lambda part=part: four.worker(part) != pids[part])  # type: ignore[misc]

    eventually(traffic.is_done)
    four.stop()
    traffic.must_be_exact()
    ended = four.logged("process_ended")
    # Which child has which place is found out by themselves.
    assert [(e["pid"], e["signal"]) for e in ended] == [
        (pids[part], "SIGKILL") for part in ("2", "1")
    ]


def test_workers_end_with_an_axis_that_was_killed_and_the_next_one_starts_at_once(
    tmp_path: Path,
) -> None:
    axis = RunningAxis(tmp_path, *FOUR)
    traffic = Traffic(tmp_path)
    traffic.drop(axis, 60)
    eventually(lambda: traffic.arrived("H24"))

    axis.kill()
    Home(tmp_path).await_workers(timedelta(seconds=5))

    with RunningAxis(tmp_path, *FOUR) as again:
        eventually(traffic.is_done)
        again.stop()
        traffic.must_be_exact()


def test_a_ctrl_c_that_reaches_all_processes_drains_each_of_them_once(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    with RunningAxis(tmp_path, *FOUR) as axis:
        traffic.drop(axis, 60)
        eventually(lambda: traffic.arrived("H24"))

        assert axis.interrupt_all() == 0
        Home(tmp_path).await_workers(timedelta(0))
        assert axis.logged("process_ended") == []
        assert "Traceback" not in axis.said()

    with RunningAxis(tmp_path, *FOUR) as again:
        eventually(traffic.is_done)
        again.stop()
        traffic.must_be_exact()


def test_one_worker_told_to_end_drains_and_is_replaced(four: RunningAxis) -> None:
    before = four.worker("1")

    os.kill(before, signal.SIGTERM)

    eventually(lambda: four.worker("1") != before)
    [ended] = four.logged("process_ended")
    assert (ended["pid"], ended["exit_code"], ended["signal"]) == (before, 0, None)


def test_a_worker_alone_without_a_broker_says_what_it_needs(tmp_path: Path) -> None:
    done = lienthong("worker", "--home", tmp_path)

    assert done.returncode == 2
    assert b"LIENTHONG_AMQP_URL" in done.stderr


def test_the_process_of_the_dead_letters_that_is_killed_comes_back(four: RunningAxis) -> None:
    [url] = [four.running()["dead_letters_metrics_url"]]
    eventually(lambda: httpx.get(f"{url}/readyz", trust_env=False).is_success)
    [pid] = [child for child in children_of(four.pid) if b"dead-letters" in command_of(child)]

    os.kill(pid, signal.SIGKILL)

    eventually(lambda: [e["process"] for e in four.logged("process_ended")] == ["dead-letters"])
    eventually(lambda: answers(url))


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
