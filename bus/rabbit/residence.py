"""Residence: what a private node keeps in its folder: name, password, ports, lock, pids.

Starting and stopping it is left to `node`.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from bus.rabbit import keeper
from schemas.problem import ConfigurationError

LOOPBACK = "127.0.0.1"
_DYING_SECONDS = 5.0
_ERLANG = "beam"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What must stay the same from start to start; ports change when another process took one."""

    name: str
    password: str
    amqp_port: int
    management_port: int
    distribution_port: int
    epmd_port: int
    metrics_port: int = 0
    """0: of a node that was last started without metrics."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """What nodes that are to become one cluster have in common.

    Attributes:
        epmd_port: Of a port mapper that listens already: it must outlive each of them.
        configuration: Lines for `rabbitmq.conf`.
        erlang: Arguments of the Erlang machine.
    """

    cookie: str
    password: str
    epmd_port: int
    configuration: str = ""
    erlang: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transport:
    """With what a node proves itself, and whom it believes; PEM files.

    Attributes:
        authority: Signs the certificates of clients, and the node's own.
    """

    authority: Path
    certificate: Path
    key: Path

    def beside(self, folder: Path) -> "Transport":
        """The same files as a node in this folder may name them."""
        files = {"authority": self.authority, "certificate": self.certificate, "key": self.key}
        if all(_PLAIN.fullmatch(str(path)) for path in files.values()):
            return self
        links = folder / "tls"
        links.mkdir(exist_ok=True)
        for name, path in files.items():
            (links / name).unlink(missing_ok=True)
            (links / name).symlink_to(path.absolute())
        return Transport(**{name: said(folder) / "tls" / name for name in files})

    @property
    def configuration(self) -> str:
        """Lines for `rabbitmq.conf`: the same for AMQP as for the management interface."""
        shared = (
            f"cacertfile = {self.authority}",
            f"certfile = {self.certificate}",
            f"keyfile = {self.key}",
            "versions.1 = tlsv1.3",
            "versions.2 = tlsv1.2",
        )
        lines = [f"{room}.{line}" for room in ("ssl_options", "management.ssl") for line in shared]
        return "\n".join((*lines, _MECHANISMS, ""))


def said(folder: Path) -> Path:
    """How a node names its own folder, which is its working directory.

    The server's scripts take no blank in a path, and its plugins none but ASCII letters. Where the
    system has a name for the working directory of whoever asks, that one always does.
    """
    if _PLAIN.fullmatch(str(folder)) or not _OWN_FOLDER.exists():
        return folder
    return _OWN_FOLDER


_PLAIN = re.compile(r"[A-Za-z0-9._/@+-]+")
_OWN_FOLDER = Path("/proc/self/cwd")

_MECHANISMS = """\
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
auth_mechanisms.1 = EXTERNAL
auth_mechanisms.2 = PLAIN
ssl_cert_login_from = common_name"""
# Named one by one: 4.x also offers ANONYMOUS.


def identity_in(folder: Path, membership: Membership | None = None) -> Identity:
    """The identity of the last start, with new ports where one is taken."""
    path = folder / "node.json"
    if path.exists():
        identity = Identity(**json.loads(path.read_text()))
        ports = [identity.amqp_port, identity.management_port, identity.distribution_port]
        ports += [identity.metrics_port]
        if membership is None:
            ports.append(identity.epmd_port)
        if identity.metrics_port and all(map(_is_free, ports)):
            return identity
        name, password = identity.name, identity.password
    else:
        # `localhost` needs no name service. The data belong to the name.
        name, password = f"lienthong-{secrets.token_hex(4)}@localhost", secrets.token_urlsafe(24)
    amqp, management, distribution, epmd, metrics = free_ports(5)
    if membership is not None:
        password, epmd = membership.password, membership.epmd_port
    identity = Identity(
        name=name,
        password=password,
        amqp_port=amqp,
        management_port=management,
        distribution_port=distribution,
        epmd_port=epmd,
        metrics_port=metrics,
    )
    write_private(path, json.dumps(asdict(identity)))
    return identity


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def lock(folder: Path) -> IO[str]:
    """One owner per folder; the lock ends with the process that holds it."""
    file = (folder / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        pid = file.read() or "?"
        file.close()
        raise ConfigurationError.of("E_HOME_IN_USE", pid=pid, home=folder) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def end_leftover(folder: Path) -> None:
    """End what an owner and its keeper, both killed, have left running in this folder."""
    if not (folder / keeper.PIDS).exists():
        return
    node, mapper = pids_in(folder)
    # Pids are used again: the folder in the node's command line proves whose it is, or the one
    # that it works in.
    if str(folder) in _command_line(node) or _works_in(node, folder):
        _kill(node)
    if "epmd" in _command_line(mapper):
        _kill(mapper)
    (folder / keeper.PIDS).unlink()


def _kill(pid: int) -> None:
    """Kill a process that is not our child, and wait until it has let go of its ports."""
    deadline = time.monotonic() + _DYING_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def pids_in(folder: Path) -> tuple[int, int]:
    """Of the node and its port mapper, as last started."""
    node, mapper = (folder / keeper.PIDS).read_text(encoding="ascii").split()
    return int(node), int(mapper)


def _works_in(pid: int, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cwd").samefile(folder) and _ERLANG in _command_line(pid)
    return False


def _command_line(pid: int) -> str:
    """Empty when there is no such process, or it has ended and waits to be collected."""
    path = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    ps = shutil.which("ps") or "ps"
    told = subprocess.run(  # noqa: S603
        [ps, "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return told.stdout
