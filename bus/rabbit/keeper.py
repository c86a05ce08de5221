"""Keeper: the small process that ends a private node when its owner ends, however it ends.

It holds a pipe to its owner and runs as a file of its own with the standard library only:
`python -I keeper.py <folder> <epmd> <epmd port> <server> [--discard]`. End of input, which also
`kill -9` of the owner brings about, is the order to stop. What it starts is written to
`<folder>/pids` for the next owner, should the keeper itself be killed.
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
_EPMD_START_SECONDS = 5.0


def main(arguments: list[str]) -> None:
    """Run a node in a folder until the owner is gone or the node ends by itself."""
    folder, epmd, epmd_port, server, *flags = arguments
    discard = "--discard" in flags
    # Our own port mapper, in the foreground: left to itself the node would start one as a daemon
    # that outlives everybody. It must listen before the node looks for it.
    mapper = _start([epmd, "-port", epmd_port, "-address", "127.0.0.1"])
    _wait_for(int(epmd_port))
    node = _start([server])
    Path(folder, PIDS).write_text(f"{node.pid} {mapper.pid}", encoding="ascii")
    # Only the pipe gives orders. Set after the start: children inherit what is ignored.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

    def obey() -> None:
        sys.stdin.buffer.read()
        if not discard:
            node.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                node.wait(STOP_GRACE_SECONDS)
        node.kill()

    threading.Thread(target=obey, daemon=True).start()
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
