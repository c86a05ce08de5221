"""PrivateNode: an installed RabbitMQ run as a node of our own, that ends with its owner.

Own data, cookie, ports and account; loopback only. Which broker to use is decided in `locate`.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from bus.rabbit import keeper
from bus.rabbit.installation import Installation
from schemas.problem import ConfigurationError

ACCOUNT = "lienthong"
START_DEADLINE = timedelta(seconds=60)
_POLL_SECONDS = 0.03
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Identity:
    """What must stay the same from start to start; ports change when another process took one."""

    name: str
    password: str
    amqp_port: int
    management_port: int
    distribution_port: int
    epmd_port: int


class PrivateNode:
    """A RabbitMQ node that lives as long as its owner, and not a moment longer.

    Stopped by `stop`, by the end of the `async with` block, and, through its keeper, by any end of
    the owning process, `kill -9` included. One left over because its keeper was killed too is
    ended by the next start in the same folder.

    Args:
        folder: Keeps the data from run to run; without one everything is gone afterwards.
    """

    def __init__(self, installation: Installation, folder: Path | None = None) -> None:
        self._installation = installation
        self._discard = folder is None
        self._folder = folder
        self._lock: IO[str] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._identity: _Identity | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self, *, deadline: timedelta = START_DEADLINE) -> None:
        """Start and wait until AMQP and the management interface answer.

        Raises:
            ConfigurationError: E_HOME_IN_USE, or E_BROKER_NOT_FOUND when it does not come up.
        """
        folder = self._folder = self._folder or Path(tempfile.mkdtemp(prefix="lienthong-rabbit-"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(folder)
        try:
            await asyncio.to_thread(_end_leftover, folder)
            self._identity = _identity(folder)
            self._keeper = self._launch(folder)
            async with asyncio.timeout(deadline.total_seconds()):
                await self._answering()
        except TimeoutError as error:
            await self.stop()
            cause = f"the private node does not answer: see {folder / 'log'}"
            raise ConfigurationError.of("E_BROKER_NOT_FOUND", cause=cause) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop in order, so that the next start is quick. Harmless when it is not running."""
        running, self._keeper = self._keeper, None
        if running is not None and running.stdin is not None:
            running.stdin.close()
            await asyncio.to_thread(running.wait)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def folder(self) -> Path:
        """Data, logs and settings."""
        if self._folder is None:
            raise RuntimeError("the node was never started")
        return self._folder

    @property
    def amqp_url(self) -> str:
        """With the account and its password; virtual host `/`."""
        return f"amqp://{self._login}@{_LOOPBACK}:{self._settled.amqp_port}/"

    @property
    def management_url(self) -> str:
        """With the account and its password."""
        return f"http://{self._login}@{_LOOPBACK}:{self._settled.management_port}"

    @property
    def pid(self) -> int:
        """Of the Erlang machine."""
        return _pids(self.folder)[0]

    @property
    def environment(self) -> dict[str, str]:
        """For the server, and for the command line tools that come with it."""
        folder, identity = self.folder, self._settled
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RABBITMQ_")}
        return {
            **inherited,
            "HOME": str(folder),  # of the cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": _LOOPBACK,
            "ERL_EPMD_PORT": str(identity.epmd_port),
            "RABBITMQ_NODENAME": identity.name,
            "RABBITMQ_DIST_PORT": str(identity.distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_SCRIPTS_DIR": str(folder / "home/sbin"),
            "RABBITMQ_PLUGINS_DIR": str(folder / "home/plugins"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            # Nothing of a system-wide installation applies.
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILES": str(folder / "none"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none"),
            # Makes the script become the Erlang machine instead of watching over it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    @property
    def _settled(self) -> _Identity:
        if self._identity is None:
            raise RuntimeError("the node was never started")
        return self._identity

    @property
    def _login(self) -> str:
        return f"{ACCOUNT}:{self._settled.password}"

    def _launch(self, folder: Path) -> subprocess.Popen[bytes]:
        identity = self._settled
        _write_private(folder / "rabbitmq.conf", _configuration(identity))
        _write_private(folder / "plugins", "[rabbitmq_management].\n")
        cookie = folder / ".erlang.cookie"
        if not cookie.exists():
            _write_private(cookie, secrets.token_hex(20))
            cookie.chmod(0o400)
        script = self._installation.slim(folder / "home")
        command = [
            *(sys.executable, "-I", keeper.__file__),
            *(str(folder), str(self._installation.epmd), str(identity.epmd_port), str(script)),
        ]
        if self._discard:
            command.append("--discard")
        with (folder / "output").open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - our own keeper
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,  # Ctrl-C is for the owner
            )

    async def _answering(self) -> None:
        identity = self._settled
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                if self._keeper is None or self._keeper.poll() is not None:
                    cause = f"the private node ended at its start: {self._last_words()}"
                    raise ConfigurationError.of("E_BROKER_NOT_FOUND", cause=cause)
                with contextlib.suppress(OSError, httpx.HTTPError):
                    _, writer = await asyncio.open_connection(_LOOPBACK, identity.amqp_port)
                    writer.close()
                    (await client.get(f"{self.management_url}/api/whoami")).raise_for_status()
                    return
                await asyncio.sleep(_POLL_SECONDS)

    def _last_words(self) -> str:
        lines = (self.folder / "output").read_text(errors="replace").split("\n")
        return " ".join(line.strip() for line in lines if line.strip())[-500:]


def _configuration(identity: _Identity) -> str:
    """Small enough for a laptop that does other things."""
    return f"""\
listeners.tcp.1 = {_LOOPBACK}:{identity.amqp_port}
management.tcp.ip = {_LOOPBACK}
management.tcp.port = {identity.management_port}
default_user = {ACCOUNT}
default_pass = {identity.password}
default_user_tags.administrator = true
default_user_tags.impersonator = true
vm_memory_high_watermark.relative = 0.25
disk_free_limit.absolute = 200MB
log.console = false
log.file.level = info
"""


def _identity(folder: Path) -> _Identity:
    """The one of the last start, with new ports where one is taken."""
    path = folder / "node.json"
    if path.exists():
        identity = _Identity(**json.loads(path.read_text()))
        ports = (
            identity.amqp_port,
            identity.management_port,
            identity.distribution_port,
            identity.epmd_port,
        )
        if all(map(_is_free, ports)):
            return identity
        name, password = identity.name, identity.password
    else:
        # `localhost` needs no name service. The data belong to the name.
        name, password = f"lienthong-{secrets.token_hex(4)}@localhost", secrets.token_urlsafe(24)
    amqp, management, distribution, epmd = _free_ports(4)
    identity = _Identity(
        name=name,
        password=password,
        amqp_port=amqp,
        management_port=management,
        distribution_port=distribution,
        epmd_port=epmd,
    )
    _write_private(path, json.dumps(asdict(identity)))
    return identity


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((_LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((_LOOPBACK, port))
        except OSError:
            return False
    return True


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _lock(folder: Path) -> IO[str]:
    """One owner per folder; the lock ends with the process that holds it."""
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        pid = lock.read() or "?"
        lock.close()
        raise ConfigurationError.of("E_HOME_IN_USE", pid=pid, home=folder) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _end_leftover(folder: Path) -> None:
    """End what an owner and its keeper, both killed, have left running in this folder."""
    if not (folder / keeper.PIDS).exists():
        return
    node, mapper = _pids(folder)
    # Pids are used again: the folder in the node's command line proves whose it is.
    for pid, mark in ((node, str(folder)), (mapper, "epmd")):
        while mark in _command_line(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    (folder / keeper.PIDS).unlink()


def _pids(folder: Path) -> tuple[int, int]:
    node, mapper = (folder / keeper.PIDS).read_text(encoding="ascii").split()
    return int(node), int(mapper)


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
