"""Children are processes of their own, which obey signals and end with their parent."""
# ruff: noqa: ASYNC110, ASYNC240 (files of other processes are looked at)

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bus.ports.children import Command
from bus.processes.launcher import ProcessLauncher
from bus.processes.parent import PARENT, end_with_parent, obey_signals


async def play(ready: Path) -> None:
    """The child: waits for the stop."""
    stop = asyncio.Event()
    obey_signals(stop)
    end_with_parent()
    ready.write_text(os.environ["LIENTHONG_TOLD"])
    await stop.wait()


def bear(ready: Path) -> None:
    """The parent of a child that outlives it."""
    child = subprocess.Popen(
        [sys.executable, __file__, "play", ready],
        env={**os.environ, PARENT: str(os.getpid()), "LIENTHONG_TOLD": "x"},
    )
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    signal.pause()


def main() -> None:
    """What a forked child runs."""
    asyncio.run(play(Path(sys.argv[2])))


async def order(launcher: ProcessLauncher, ready: Path) -> None:
    """The parent of forked children: one has a command, the other none."""
    command = Command(
        name="worker 1", arguments=("play", str(ready)), environment={"LIENTHONG_TOLD": "this"}
    )
    child = await launcher.launch(command)
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    sys.stdout.write(f"{await child.ended()}\n")


def fork(ready: Path) -> None:
    launcher = ProcessLauncher()
    launcher.fork(2, main)
    asyncio.run(order(launcher, ready))
    launcher.dismiss()


async def until_there(path: Path) -> None:
    async with asyncio.timeout(20):
        while not path.exists() or not path.read_text():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_child_has_its_settings_and_ends_in_order_on_a_signal(
    number: signal.Signals, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    command = Command(
        name="worker 1", arguments=("play", str(ready)), environment={"LIENTHONG_TOLD": "this"}
    )
    child = await ProcessLauncher(__name__).launch(command)
    await until_there(ready)

    os.kill(child.pid, number)

    assert await child.ended() == 0
    assert ready.read_text() == "this"


async def test_a_child_that_is_killed_says_so(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    command = Command(
        name="worker 1", arguments=("play", str(ready)), environment={"LIENTHONG_TOLD": "x"}
    )
    child = await ProcessLauncher(__name__).launch(command)
    await until_there(ready)

    child.kill()

    assert await child.ended() == -signal.SIGKILL


async def test_a_child_ends_when_its_parent_was_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    parent = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "bear", str(ready), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    await until_there(ready)

    parent.kill()
    await parent.wait()

    async with asyncio.timeout(20):
        while _is_alive(child):
            await asyncio.sleep(0.01)


async def test_a_forked_child_has_its_command_and_settings_and_ends_in_order(
    tmp_path: Path,
) -> None:
    ready = tmp_path / "ready"
    parent = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "fork", str(ready), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    await until_there(ready)

    shown = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    os.kill(child, signal.SIGINT)

    assert await parent.stdout.readline() == b"0\n"
    assert await parent.wait() == 0
    assert ready.read_text() == "this"
    assert shown[:2] == [b"lienthong", b"play"]


async def test_forked_children_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    parent = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "fork", str(ready), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    await parent.stdout.readline()
    await until_there(ready)
    children = [
        int(child)
        for task in Path(f"/proc/{parent.pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]

    parent.kill()
    await parent.wait()

    assert len(children) == 2
    async with asyncio.timeout(20):
        while any(map(_is_alive, children)):
            await asyncio.sleep(0.01)


def _is_alive(pid: int) -> bool:
    """Not also when it has ended and nobody has asked for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    if sys.argv[1] == "play":
        asyncio.run(play(Path(sys.argv[2])))
    elif sys.argv[1] == "fork":
        fork(Path(sys.argv[2]))
    else:
        bear(Path(sys.argv[2]))
