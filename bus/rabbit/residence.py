"""Residence: the folder of a private node, with its name, password, ports, lock and process ids.

`node` starts and stops the node.
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
    """Name, password and ports of a node. Ports change if another process uses one."""

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
    """Settings that all nodes of a future cluster share.

    Attributes:
        epmd_port: The port of a running port mapper, which must outlive every node.
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
    """The certificate of a node and the authority that it trusts, as PEM files.

    Attributes:
        authority: Signs the certificates of clients, and the node's own.
    """

    authority: Path
    certificate: Path
    key: Path

    def beside(self, folder: Path) -> "Transport":
        """The same files, by names that a node in this folder can use."""
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
    """The name of a node's folder in its own configuration; the folder is its working directory.

    The scripts of the server accept no blanks in a path, and its plugins only ASCII letters. On
    Linux `/proc/self/cwd` names the working directory without either.
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
    """Free ports of the loopback interface."""
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
    """Write a file that only its owner can read."""
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
    """End the processes that a killed owner and its killed keeper have left in this folder."""
    if not (folder / keeper.PIDS).exists():
        return
    node, mapper = pids_in(folder)
    # The system reuses process ids. The folder in the command line of the node, or its working
    # directory, proves that the process belongs to this folder.
    if str(folder) in _command_line(node) or _works_in(node, folder):
        _kill(node)
    if "epmd" in _command_line(mapper):
        _kill(mapper)
    (folder / keeper.PIDS).unlink()


def _kill(pid: int) -> None:
    """Kill a process that is not a child of this one, and wait until its ports are free."""
    deadline = time.monotonic() + _DYING_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def pids_in(folder: Path) -> tuple[int, int]:
    """The process ids of the node and its port mapper at the last start."""
    node, mapper = (folder / keeper.PIDS).read_text(encoding="ascii").split()
    return int(node), int(mapper)


def _works_in(pid: int, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cwd").samefile(folder) and _ERLANG in _command_line(pid)
    return False


def _command_line(pid: int) -> str:
    """The command line of a process; empty if it has ended."""
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
