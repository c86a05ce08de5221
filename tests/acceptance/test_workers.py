"""Workers that are killed, crash or lose their axis cost nothing and disturb nobody else."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bus.bootstrap import directory_of
from bus.core.directory import seed_directory
from bus.settings import load_settings
from bus.store.home import Home
from bus.store.snapshot import seed_text
from schemas.directory import Directory
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet

FOUR = ("--agencies", "G22,H24,H41,H57", "--workers", "2")
"""By their position G22 and H41 are served by the worker 1/2, H24 and H57 by 2/2."""

CRASHING_FORMAT = """
import ctypes


class CrashingFormat:
    name = "crashing"
    suffix = ".crash"

    def recognises(self, head, filename):
        return head.startswith(b"CRASH")

    def read(self, source, *, sink, limits, today):
        ctypes.string_at(0)

    def write(self, message, *, attachments, written_at):
        if message.subject == "CRASH":
            ctypes.string_at(0)
        yield message.subject.encode()
"""


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
    pids = {part: four.worker(part) for part in ("1/2", "2/2")}

    for part, code in (("2/2", "H24"), ("1/2", "H41")):
        before = traffic.arrived(code)
        traffic.drop(four, 60)
        eventually(lambda code=code, before=before: traffic.arrived(code) > before)  # type: ignore[misc]
        os.kill(pids[part], signal.SIGKILL)
        eventually(lambda part=part: four.worker(part) != pids[part])  # type: ignore[misc]

    eventually(traffic.is_done)
    four.stop()
    traffic.must_be_exact()
    ended = four.logged("worker_ended")
    assert [(e["worker"], e["pid"], e["signal"]) for e in ended] == [
        (part, pids[part], "SIGKILL") for part in ("2/2", "1/2")
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
        assert axis.logged("worker_ended") == []
        assert "Traceback" not in axis.said()

    with RunningAxis(tmp_path, *FOUR) as again:
        eventually(traffic.is_done)
        again.stop()
        traffic.must_be_exact()


def test_one_worker_told_to_end_drains_and_is_replaced(four: RunningAxis) -> None:
    before = four.worker("1/2")

    os.kill(before, signal.SIGTERM)

    eventually(lambda: four.worker("1/2") != before)
    [ended] = four.logged("worker_ended")
    assert (ended["pid"], ended["exit_code"], ended["signal"]) == (before, 0, None)


def test_a_file_that_crashes_its_format_is_refused_and_stops_no_other_agency(
    tmp_path: Path,
) -> None:
    strangers = tmp_path / "strangers"
    _install_crashing_format(strangers)
    with RunningAxis(tmp_path, *FOUR, PYTHONPATH=str(strangers)) as axis:
        other = axis.worker("2/2")
        bad = {"G22": "bad.crash", "H41": "worse.crash"}
        for sender, name in bad.items():
            axis.agency(sender).drop(name, b"CRASH" + name.encode())
        eventually(lambda: axis.logged("worker_ended"))

        # One agency of the same worker, one of the other.
        axis.agency("G22").drop("a.edxml", a_packet(sender="G22", receivers=["H24"], number="1"))
        axis.agency("H24").drop("a.edxml", a_packet(sender="H24", receivers=["H57"], number="1"))

        for recipient in ("H57", "H24"):
            eventually(axis.agency(recipient).inbox)
        for sender, name in bad.items():
            report = eventually(partial(axis.agency(sender).refusal, name))
            assert report["problems"][0]["code"] == "E_FORMAT_CRASHED"
        assert {ended["signal"] for ended in axis.logged("worker_ended")} == {"SIGSEGV"}
        assert axis.worker("2/2") == other


def test_a_document_that_crashes_its_recipients_format_fails_and_the_next_one_arrives(
    tmp_path: Path,
) -> None:
    strangers = tmp_path / "strangers"
    _install_crashing_format(strangers)
    directory_of(load_settings(home=tmp_path)).save(_reading("H41", "crashing"))
    with RunningAxis(tmp_path, *FOUR, PYTHONPATH=str(strangers)) as axis:
        for number, subject in (("1", "CRASH"), ("2", "An toàn")):
            # Its sender is served by the other worker: it is sent once.
            packet = a_packet(sender="H24", receivers=["H41"], number=number, subject=subject)
            axis.agency("H24").drop(f"{number}.edxml", packet)

        [path] = eventually(axis.agency("H41").inbox)
        [failed] = axis.logged("delivery_failed")

        assert path.read_bytes() == "An toàn".encode()
        assert "E_FORMAT_CRASHED" in failed["problem"]


def test_workers_that_cannot_start_end_the_axis_with_the_reason(tmp_path: Path) -> None:
    strangers = tmp_path / "strangers"
    _install_crashing_format(strangers)
    (strangers / "a_crashing_format.py").write_text("import a_module_that_is_not_there")

    done = lienthong("up", "--home", tmp_path, *FOUR, PYTHONPATH=str(strangers))

    assert done.returncode == 2
    assert b"E_SETTING" in done.stderr
    assert b"a_module_that_is_not_there" in done.stderr
    Home(tmp_path).await_workers(timedelta(0))


def test_a_worker_run_by_hand_says_how_it_is_run(tmp_path: Path) -> None:
    done = lienthong("worker", "--part", "1/2", "--home", tmp_path)

    assert done.returncode == 2
    assert b"E_WORKER_ALONE" in done.stderr
    assert b"lienthong up" in done.stderr


def _reading(code: str, format_name: str) -> Directory:
    """The directory of the launch, in which one agency's system reads another format."""
    directory = seed_directory(seed_text())
    agencies = tuple(
        agency.model_copy(update={"format": format_name}) if agency.code == code else agency
        for agency in directory.agencies
    )
    return directory.model_copy(update={"agencies": agencies})


def _install_crashing_format(folder: Path) -> None:
    """Install a stranger's package as a package manager does: found by its entry point."""
    information = folder / "crashing-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[lienthong.formats]\ncrashing = a_crashing_format:CrashingFormat\n"
    )
    (folder / "a_crashing_format.py").write_text(CRASHING_FORMAT)
