"""Bad day 5: a large replay survives whatever is killed meanwhile, and each goes exactly once."""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

from bus.core.dead_letters.letter import DeadLetter, LetterState
from bus.core.dead_letters.selection import Selection
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.support.backlog import Backlog, Mishap

LETTERS = 1_000
BUG = Mishap(code="E_INTERNAL")
AGENCIES = "G22,H24"


def test_a_replay_goes_on_through_kills_and_each_letter_arrives_once(tmp_path: Path) -> None:
    backlog = Backlog(home=tmp_path)
    backlog.many(LETTERS, BUG, attachments=())
    with RunningAxis(tmp_path, "--agencies", AGENCIES) as axis:
        placed = _replay(tmp_path, "an")
        order = json.loads(placed.stdout)["id"]
        second = _replay(tmp_path, "binh")
        _reach(axis, LETTERS // 10)
        axis.kill()
    with RunningAxis(tmp_path, "--agencies", AGENCIES) as axis:
        _reach(axis, LETTERS // 3)
        os.kill(_broker(tmp_path), signal.SIGKILL)
        _reach(axis, LETTERS)
        eventually(lambda: len(axis.agency("G22").inbox("statuses")) == LETTERS)
        followed = lienthong("dlq", "follow", order, "--home", tmp_path)

    assert placed.returncode == followed.returncode == 0
    assert second.returncode == 1
    assert f"{order} (an)" in second.stderr.decode()
    letters = asyncio.run(_letters(backlog))
    assert {(one.state, one.replays, one.returned) for one in letters} == {
        (LetterState.REDELIVERED, 1, False)
    }
    names = [path.name.rpartition("_")[0] for path in axis.agency("H24").inbox()]
    assert len(names) == len(set(names)) == LETTERS


def _replay(home: Path, operator: str) -> CompletedProcess[bytes]:
    return lienthong(
        *("dlq", "replay", "--all", "--yes", "--no-wait", "--json", "--rate", "100"),
        *("--operator", operator, "--home", home),
    )


def _reach(axis: RunningAxis, documents: int) -> None:
    eventually(lambda: len(axis.agency("H24").inbox()) >= documents)


def _broker(home: Path) -> int:
    """The process id of the private node's Erlang machine."""
    return int((home / "rabbitmq" / "pids").read_text().split()[0])


async def _letters(backlog: Backlog) -> Sequence[DeadLetter]:
    async with backlog.letters() as letters:
        return await letters.find(Selection(), limit=LETTERS + 1)
