"""Private node: runs an installed RabbitMQ as a node that ends with its owner.

Own data, cookie, ports and account; loopback only. Which broker to use is decided in `locate`.
"""

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from bus.rabbit import keeper
from bus.rabbit.installation import Installation
from bus.rabbit.residence import (
    LOOPBACK,
    Identity,
    Membership,
    Transport,
    end_leftover,
    identity_in,
    lock,
    pids_in,
    said,
    write_private,
)
from bus.rabbit.tls import context_of, with_tls
from schemas.limits import MAX_BODY_BYTES
from schemas.problem import ConfigurationError
from schemas.term import term

ACCOUNT = "lienthong"
START_DEADLINE = timedelta(seconds=60)
_POLL_SECONDS = 0.03
_SHUTDOWN_MILLISECONDS = 500
"""How long each Erlang application of the node may take to stop. The management agent of 3.10.8
waits for itself for 5 s, between the end of the message stores and that of the quorum queues."""
_ENABLED = ("rabbitmq_management", "rabbitmq_auth_mechanism_ssl", "rabbitmq_prometheus")


class PrivateNode:
    """A RabbitMQ node that ends with its owner.

    Stopped by `stop`, by the end of the `async with` block, and, through its keeper, by any end of
    the owning process, `kill -9` included. One left over because its keeper was killed too is
    ended by the next start in the same folder. Once it has answered, one that ends by itself is
    started again by its keeper, on the same ports.

    Args:
        folder: Keeps the data between runs; None: they are removed at the end.
        membership: Of a node that will join a cluster. Its keeper does not start it again, because
            the other nodes go on.
        transport: If given, the node accepts only TLS.
    """

    def __init__(
        self,
        installation: Installation,
        folder: Path | None = None,
        *,
        membership: Membership | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._installation = installation
        self._membership = membership
        self._transport = transport
        self._discard = folder is None
        self._folder = folder
        self._lock: IO[str] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None

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
            ConfigurationError: E_HOME_IN_USE, or E_BROKER_START when it does not come up.
        """
        made = self._folder or Path(tempfile.mkdtemp(prefix="lienthong-rabbit-"))
        folder = self._folder = made.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = lock(folder)
        try:
            await asyncio.to_thread(end_leftover, folder)
            self._identity = identity_in(folder, self._membership)
            self._keeper = self._launch(folder)
            async with asyncio.timeout(deadline.total_seconds()):
                await self.answering()
            if self._membership is None:
                self._have_it_kept(self._keeper)
        except TimeoutError as error:
            await self.stop()
            log = folder / "log"
            cause = term("node_silent", path=log)
            raise ConfigurationError.of("E_BROKER_START", folder=folder, cause=cause) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the node in order, so that the next start is quick. May be called twice."""
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
        return self._secured("amqp", f"{self._login}@{LOOPBACK}:{self._settled.amqp_port}/")

    @property
    def management_url(self) -> str:
        """With the account and its password."""
        place = f"{self._login}@{LOOPBACK}:{self._settled.management_port}"
        return self._secured("http", place)

    @property
    def metrics_url(self) -> str:
        """The URL of the plugin `rabbitmq_prometheus`, which needs no login."""
        return f"http://{LOOPBACK}:{self._settled.metrics_port}"

    @property
    def name(self) -> str:
        """The node name in a cluster."""
        return self._settled.name

    @property
    def pid(self) -> int:
        """The process id of the Erlang machine."""
        return pids_in(self.folder)[0]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the server and of its command line tools."""
        folder, identity = said(self.folder), self._settled
        port = identity.distribution_port
        erlang = (
            "-kernel inet_dist_use_interface {127,0,0,1}"
            f" inet_dist_listen_min {port} inet_dist_listen_max {port}"
            f" shutdown_timeout {_SHUTDOWN_MILLISECONDS}"
        )
        if self._membership is None:
            # A node that has its name already when the server starts does not run another Erlang
            # machine to look for the port mapper, which took 0.5 s. In a cluster it would not take
            # `net_ticktime` from its configuration, and notice a frozen peer after a minute.
            erlang = f"-sname {identity.name} -start_epmd false {erlang}"
        else:
            erlang += f" {self._membership.erlang}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RABBITMQ_")}
        return {
            **inherited,
            "HOME": str(folder),  # of the cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(identity.epmd_port),
            "RABBITMQ_NODENAME": identity.name,
            "RABBITMQ_DIST_PORT": str(identity.distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
            "RABBITMQ_SCRIPTS_DIR": str(folder / "home/sbin"),
            "RABBITMQ_PLUGINS_DIR": str(folder / "home/plugins"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            # Settings of a system-wide installation must not apply.
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILES": str(folder / "none"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none"),
            # The script replaces itself by the Erlang machine, instead of waiting for it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    @property
    def _settled(self) -> Identity:
        if self._identity is None:
            raise RuntimeError("the node was never started")
        return self._identity

    @property
    def _login(self) -> str:
        return f"{ACCOUNT}:{self._settled.password}"

    def _secured(self, scheme: str, place: str) -> str:
        if self._transport is None:
            return f"{scheme}://{place}"
        return with_tls(f"{scheme}s://{place}", authority=self._transport.authority)

    def _launch(self, folder: Path) -> subprocess.Popen[bytes]:
        identity, membership = self._settled, self._membership
        transport = self._transport and self._transport.beside(folder)
        configuration = _configuration(identity, transport)
        if membership is not None:
            configuration += membership.configuration
        write_private(folder / "rabbitmq.conf", configuration)
        write_private(folder / "plugins", f"[{','.join(_ENABLED)}].\n")
        cookie = folder / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, membership.cookie if membership else secrets.token_hex(20))
            cookie.chmod(0o400)
        self._installation.slim(folder / "home")
        script = said(folder) / "home/sbin/rabbitmq-server"
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
                cwd=folder,
                env=self.environment,
                start_new_session=True,  # Ctrl-C is for the owner
            )

    async def answering(self) -> None:
        """Wait until AMQP and the management interface answer. The caller sets a deadline.

        Raises:
            ConfigurationError: E_BROKER_START: it ended at its start.
        """
        identity = self._settled
        context = await asyncio.to_thread(context_of, self.management_url)
        whoami = httpx.URL(self.management_url).join("/api/whoami")
        async with httpx.AsyncClient(trust_env=False, verify=context or True) as client:
            while True:
                if self._keeper is None or self._keeper.poll() is not None:
                    cause = term("node_ended", said=self._last_words())
                    raise ConfigurationError.of("E_BROKER_START", folder=self.folder, cause=cause)
                with contextlib.suppress(OSError, httpx.HTTPError):
                    _, writer = await asyncio.open_connection(LOOPBACK, identity.amqp_port)
                    writer.close()
                    (await client.get(whoami)).raise_for_status()
                    return
                await asyncio.sleep(_POLL_SECONDS)

    @staticmethod
    def _have_it_kept(running: subprocess.Popen[bytes]) -> None:
        if running.stdin is not None:
            running.stdin.write(b"\n")
            running.stdin.flush()

    def _last_words(self) -> str:
        lines = (self.folder / "output").read_text(errors="replace").split("\n")
        return " ".join(line.strip() for line in lines if line.strip())[-500:]


def _configuration(identity: Identity, transport: Transport | None) -> str:
    """The configuration, with limits that suit a laptop."""
    kind = "tcp" if transport is None else "ssl"
    tls = "" if transport is None else f"listeners.tcp = none\n{transport.configuration}"
    return f"""\
listeners.{kind}.1 = {LOOPBACK}:{identity.amqp_port}
management.{kind}.ip = {LOOPBACK}
management.{kind}.port = {identity.management_port}
prometheus.tcp.ip = {LOOPBACK}
prometheus.tcp.port = {identity.metrics_port}
{tls}default_user = {ACCOUNT}
default_pass = {identity.password}
default_user_tags.administrator = true
default_user_tags.impersonator = true
max_message_size = {MAX_BODY_BYTES}
vm_memory_high_watermark.relative = 0.25
disk_free_limit.absolute = 200MB
log.console = false
log.file.level = info
"""
