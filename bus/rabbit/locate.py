"""Locate: finds a broker in a fixed order; stops it at the end if it was started for this.

A given URL; an installed RabbitMQ as a private node; a Docker container; RabbitMQ installed by the
system's package manager, when allowed, as a private node.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from bus.rabbit.addresses import addresses_in
from bus.rabbit.container import Container
from bus.rabbit.installation import Installation
from bus.rabbit.node import PrivateNode
from bus.rabbit.residence import Transport
from schemas.problem import ConfigurationError
from schemas.term import foreign, term

_MANAGEMENT_PORT = 15672
_PACKAGE_MANAGERS = {
    "apt-get": (
        ("apt-get", "update", "-qq"),
        ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "rabbitmq-server"),
    ),
    "dnf": (("dnf", "install", "-y", "-q", "rabbitmq-server"),),
    "apk": (("apk", "add", "--quiet", "rabbitmq-server"),),
    "brew": (("brew", "install", "--quiet", "rabbitmq"),),
}


class Way(StrEnum):
    """How the broker was found."""

    GIVEN = "given"
    PRIVATE = "private"
    CONTAINER = "container"


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """A broker, with an administrator's account in both URLs.

    Attributes:
        metrics_url: The metrics of a node that this program has started.
    """

    amqp_url: str = field(repr=False)
    management_url: str = field(repr=False)
    way: Way
    metrics_url: str | None = None

    @property
    def vhost(self) -> str:
        """The virtual host that the AMQP URL names; `/` when it names none."""
        return unquote(urlsplit(self.amqp_url).path[1:]) or "/"

    def in_vhost(self, name: str) -> str:
        """The AMQP URL of another virtual host."""
        return urlunsplit(urlsplit(self.amqp_url)._replace(path="/" + quote(name, safe="")))


@asynccontextmanager
async def locate(
    *,
    amqp_url: str | None = None,
    management_url: str | None = None,
    installed: Path | None = None,
    home: Path | None = None,
    may_install: bool = False,
    transport: Callable[[], Transport] | None = None,
) -> AsyncIterator[Located]:
    """Find a broker; one that was started for this is stopped at the end of the block.

    Args:
        amqp_url: With one host, or with those of all nodes of a cluster.
        management_url: When only an AMQP URL is given, the usual port of the same hosts. A URL
            without a login takes that of the AMQP URL.
        installed: The folder of the RabbitMQ that a private node is started from; without it the
            usual places are looked through.
        home: The folder for the data of a started broker; None: its data are removed at the end.
        may_install: Use the system's package manager as a last resort.
        transport: Makes the certificate of a private node, which then accepts only TLS.

    Raises:
        ConfigurationError: E_BROKER_NOT_FOUND, naming the four ways; E_BROKER_START; E_HOME_IN_USE;
            E_SETTING, nothing is installed in the given folder.
    """
    async with AsyncExitStack() as stack:
        if amqp_url:
            url = _beside(amqp_url)
            if management_url:
                url = _with_login(management_url, of=amqp_url)
            yield Located(amqp_url=amqp_url, management_url=url, way=Way.GIVEN)
            return
        installation = Installation.at(installed) if installed else Installation.find()
        if installation is None and await Container.possible():
            container = await stack.enter_async_context(Container(home))
            yield Located(
                amqp_url=container.amqp_url,
                management_url=container.management_url,
                way=Way.CONTAINER,
                metrics_url=container.metrics_url,
            )
            return
        if installation is None and may_install:
            await _install()
            installation = Installation.find()
        if installation is None:
            raise ConfigurationError.of("E_BROKER_NOT_FOUND", cause=foreign(""))
        folder = home / "rabbitmq" if home else None
        tls = transport() if transport else None
        node = await stack.enter_async_context(PrivateNode(installation, folder, transport=tls))
        yield Located(
            amqp_url=node.amqp_url,
            management_url=node.management_url,
            way=Way.PRIVATE,
            metrics_url=node.metrics_url,
        )


def _with_login(url: str, *, of: str) -> str:
    """The URL; if it has no login, with that of another URL."""
    parts = urlsplit(url)
    login, at, _ = urlsplit(of).netloc.rpartition("@")
    if "@" in parts.netloc or not at:
        return url
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def _beside(amqp_url: str) -> str:
    parts = urlsplit(amqp_url)
    scheme = "https" if parts.scheme == "amqps" else "http"
    login, at, _ = parts.netloc.rpartition("@")
    port = _MANAGEMENT_PORT - 1 if scheme == "https" else _MANAGEMENT_PORT
    hosts = (_host_in(address) for address in addresses_in(amqp_url))
    beside = f"{scheme}://{login}{at}{','.join(f'{host}:{port}' for host in hosts)}"
    return f"{beside}/?{parts.query}" if scheme == "https" and parts.query else beside


def _host_in(url: str) -> str:
    host = urlsplit(url).hostname
    return f"[{host}]" if host and ":" in host else f"{host}"


async def _install() -> None:
    """Install RabbitMQ with the package manager of the system, as root or by `sudo -n`."""
    for manager, commands in _PACKAGE_MANAGERS.items():
        if shutil.which(manager) is None:
            continue
        # Homebrew refuses to run as root.
        prefix = [] if os.geteuid() == 0 or manager == "brew" else ["sudo", "-n"]
        for command in commands:
            process = await asyncio.create_subprocess_exec(
                *prefix,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
            _, said = await process.communicate()
            if process.returncode:
                words = said.decode(errors="replace").strip()[-300:]
                cause = term("command_failed", command=" ".join(command), said=words)
                raise ConfigurationError.of("E_BROKER_NOT_FOUND", cause=cause)
        return
