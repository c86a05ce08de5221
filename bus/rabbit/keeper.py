"""Keeper: the small process that ends a private node when its owner ends, however it ends.

It holds a pipe to its owner and runs as a file of its own with the standard library only:
`python -I keeper.py <folder> <epmd> <epmd port> <server> [--discard]`. A line says that the node
answers: from then on one that ends by itself is started again. End of input, which also `kill -9`
of the owner brings about, is the order to stop. What it starts is written to `<folder>/pids` for
the next owner, should the keeper itself be killed.
"""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

PIDS = "pids"
STOP_GRACE_SECONDS = 3.0
# 3.10.8 closes its stores within 0.2 s of SIGTERM and then lingers for 5 more.
RESTART_PAUSE_SECONDS = 1.0
_EPMD_START_SECONDS = 5.0


def main(arguments: list[str]) -> None:
    """Run a node in a folder until the owner is gone, or the node ends before it ever answered."""
    folder, epmd, epmd_port, server, *flags = arguments
    discard = "--discard" in flags
    # Our own port mapper, in the foreground: left to itself the node would start one as a daemon
    # that outlives everybody. It must listen before the node looks for it.
    mapper = _start([epmd, "-port", epmd_port, "-address", "127.0.0.1"])
    _wait_for(int(epmd_port))
    # Only the pipe gives orders. A handler, for what is ignored the node would inherit.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: None)

    def start_node() -> subprocess.Popen[bytes]:
        started = _start([server])
        draft = Path(folder, PIDS).with_suffix(".tmp")
        draft.write_text(f"{started.pid} {mapper.pid}", encoding="ascii")
        draft.replace(Path(folder, PIDS))
        return started

    node, changing = start_node(), threading.Lock()
    answered, stopping = threading.Event(), threading.Event()

    def obey() -> None:
        if sys.stdin.buffer.readline():
            answered.set()
            sys.stdin.buffer.read()
        with changing:
            stopping.set()
        if not discard:
            node.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                node.wait(STOP_GRACE_SECONDS)
        node.kill()

    threading.Thread(target=obey, daemon=True).start()
    node.wait()
    # One that never answered is its owner's to explain.
    while answered.is_set() and not stopping.wait(RESTART_PAUSE_SECONDS):
        with changing:
            if not stopping.is_set():
                node = start_node()
        node.wait()
    mapper.kill()
    mapper.wait()
    if discard:
        shutil.rmtree(folder, ignore_errors=True)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the command is our owner's
        command, stdin=subprocess.DEVNULL, start_new_session=True
    )


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _EPMD_START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)


if __name__ == "__main__":
    main(sys.argv[1:])
