"""Container: RabbitMQ in Docker, on loopback.

It is started again when it dies, and ends with its owner. Its ports are chosen here, because Docker
gives a container that is started again other ones.
"""

import asyncio
import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import structlog

from bus.core.backoff import LONGEST, pause_before
from bus.rabbit.residence import LOOPBACK, free_ports
from schemas.problem import ConfigurationError
from schemas.term import term

IMAGE = "rabbitmq:4.0.5-management"
"""The 4.x version the topology was tried on; pinned, so that no run brings a surprise."""

ACCOUNT = "lienthong"
_START_DEADLINE = timedelta(minutes=5)  # it may have to be pulled
_POLL_SECONDS = 0.2
_AMQP, _MANAGEMENT, _METRICS = 5672, 15672, 15692
_PORT_TRIES = 3

_log = structlog.get_logger()


class Container:
    """A broker in a container, removed at the end of the block and whenever its owner ends.

    Args:
        home: The data live on in a volume named after it; without one everything is gone.
    """

    def __init__(self, home: Path | None = None) -> None:
        self._home = home
        self._name = f"lienthong-{secrets.token_hex(6)}"
        self._password = _password(home)
        self._watcher: subprocess.Popen[bytes] | None = None
        self._ports = dict.fromkeys((_AMQP, _MANAGEMENT, _METRICS), 0)
        self._keeper: asyncio.Task[None] | None = None

    @staticmethod
    async def possible() -> bool:
        """Whether a Docker engine answers."""
        return shutil.which("docker") is not None and (await _docker("info"))[0] == 0

    @property
    def amqp_url(self) -> str:
        """With the account and its password; virtual host `/`."""
        return f"amqp://{ACCOUNT}:{self._password}@{LOOPBACK}:{self._ports[_AMQP]}/"

    @property
    def management_url(self) -> str:
        """With the account and its password."""
        return f"http://{ACCOUNT}:{self._password}@{LOOPBACK}:{self._ports[_MANAGEMENT]}"

    @property
    def metrics_url(self) -> str:
        """Of the plugin `rabbitmq_prometheus`, which the image enables."""
        return f"http://{LOOPBACK}:{self._ports[_METRICS]}"

    async def __aenter__(self) -> Self:
        # The watcher is there first: a pipe that closes with its owner, even by `kill -9`.
        script = f"cat >/dev/null; docker stop -t 5 {self._name}; docker rm -f -v {self._name}"
        self._watcher = subprocess.Popen(  # noqa: S603, ASYNC220 - our own name; returns at once
            ["/bin/sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            await self._run()
        except BaseException:
            self._end()
            raise
        self._keeper = asyncio.create_task(self._keep(), name=f"container {self._name}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        self._end()

    async def _keep(self) -> None:
        """Start the container again whenever it ends, after growing pauses."""
        loop = asyncio.get_running_loop()
        fails = 0
        while True:
            began = loop.time()
            code, told = await _docker("wait", self._name)
            held = loop.time() - began > LONGEST.total_seconds()
            fails = 1 if held else fails + 1
            _log.warning(
                "broker_container_ended", container=self._name, code=code, told=told[-300:]
            )
            await asyncio.sleep(pause_before(fails, jitter=0).total_seconds())
            await _docker("start", self._name)

    async def _run(self) -> None:
        # The data belong to the node's name, which is made from the host's.
        options = ["--hostname", "lienthong"]
        if self._home:
            options += ["--volume", f"{await _free_volume(self._home)}:/var/lib/rabbitmq"]
        for left in reversed(range(_PORT_TRIES)):
            self._ports = dict(zip(self._ports, free_ports(len(self._ports)), strict=True))
            published = [
                f"--publish={LOOPBACK}:{here}:{port}" for port, here in self._ports.items()
            ]
            code, said = await _docker(
                *("run", "--detach", "--name", self._name, *options, *published),
                *("--env", f"RABBITMQ_DEFAULT_USER={ACCOUNT}"),
                *("--env", "RABBITMQ_DEFAULT_PASS", IMAGE),
                RABBITMQ_DEFAULT_PASS=self._password,
            )
            if not code:
                break
            # Another process took a port between the look and the start.
            if left and ("already allocated" in said or "already in use" in said):
                await _docker("rm", "-f", "-v", self._name)
                continue
            raise ConfigurationError.of(
                "E_BROKER_NOT_FOUND", cause=term("container_failed", said=said[-300:])
            )
        try:
            async with asyncio.timeout(_START_DEADLINE.total_seconds()):
                await self._answering()
        except TimeoutError as error:
            cause = term("container_silent", name=self._name)
            raise ConfigurationError.of("E_BROKER_NOT_FOUND", cause=cause) from error

    async def _answering(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    account = {"password": self._password, "tags": "administrator,impersonator"}
                    url = f"{self.management_url}/api/users/{ACCOUNT}"
                    (await client.put(url, json=account)).raise_for_status()
                    return
                await asyncio.sleep(_POLL_SECONDS)

    def _end(self) -> None:
        if self._watcher is not None and self._watcher.stdin is not None:
            self._watcher.stdin.close()
            self._watcher.wait()
            self._watcher = None


def _volume_of(home: Path) -> str:
    return f"lienthong-{hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]}"


async def _free_volume(home: Path) -> str:
    """The volume of a home, which no running container may use."""
    volume = _volume_of(home)
    _, user = await _docker("ps", "--quiet", "--filter", f"volume={volume}")
    if user.strip():
        raise ConfigurationError.of("E_HOME_IN_USE", pid=user.strip(), home=home)
    return volume


def _password(home: Path | None) -> str:
    """The account is made with the data, so its password lives as long."""
    if home is None:
        return secrets.token_urlsafe(24)
    path = home / "rabbitmq-password"
    if not path.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24), encoding="ascii")
    return path.read_text(encoding="ascii")


async def _docker(*arguments: str, **secrets_: str) -> tuple[int, str]:
    """Run it; secrets go by its environment, for everybody may read its command line."""
    process = await asyncio.create_subprocess_exec(
        "docker",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **secrets_},
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, said.decode(errors="replace")
