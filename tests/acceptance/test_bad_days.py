"""The axis killed in the middle of its work loses nothing and hands nothing over twice."""

import shutil
import time
from pathlib import Path

from tests.acceptance.conftest import RunningAxis, eventually
from tests.acceptance.packets import a_packet

DOCUMENTS = 120
KILLS = 2


def _take_away(axis: RunningAxis, taken: list[str]) -> None:
    """What an agency's system does: move what has arrived into its own store."""
    for path in axis.agency("H24").inbox():
        taken.append(path.name)
        shutil.move(path, axis.home / path.name)


def test_killed_and_started_again_it_loses_nothing_and_hands_nothing_over_twice(
    tmp_path: Path,
) -> None:
    axis = RunningAxis(tmp_path, "--agencies", "G22,H24")
    packets = {
        f"{n:03}.edxml": a_packet(
            sender="G22", receivers=["H24"], number=str(n), files={"a.txt": b"x" * 20_000}
        )
        for n in range(DOCUMENTS)
    }
    taken: list[str] = []
    for kill in range(KILLS):
        for name in sorted(packets)[kill * DOCUMENTS // KILLS : (kill + 1) * DOCUMENTS // KILLS]:
            axis.agency("G22").drop(name, packets[name])
        eventually(axis.agency("H24").inbox)
        until = time.monotonic() + 0.15 * (kill + 1)
        while time.monotonic() < until:
            _take_away(axis, taken)
        axis.kill()
        axis = RunningAxis(tmp_path, "--agencies", "G22,H24")

    def all_arrived() -> bool:
        _take_away(axis, taken)
        return len(set(taken)) == DOCUMENTS and len(axis.agency("G22").inbox("statuses")) >= (
            DOCUMENTS
        )

    eventually(all_arrived)
    axis.stop()
    assert len(taken) == len(set(taken)) == DOCUMENTS
    assert len(list((tmp_path / "agencies/G22/sent").iterdir())) == DOCUMENTS
    assert len(axis.agency("G22").inbox("statuses")) == DOCUMENTS
