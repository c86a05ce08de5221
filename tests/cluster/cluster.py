"""Cluster: three private nodes of one machine joined to one broker, and power over each of them."""

import asyncio
import os
import secrets
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from bus.rabbit.installation import Installation
from bus.rabbit.node import PrivateNode
from bus.rabbit.residence import LOOPBACK, Membership, free_ports

SIZE = 3
START_DEADLINE = timedelta(seconds=60)
_PAUSE_SECONDS = 0.1
_DEPLOYED = Path(__file__).parents[2] / "deploy" / "rabbitmq-cluster.conf"
# One scheduler a node, and none that spins while it has nothing to do.
_SMALL = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
# The nodes' port mapper, which is nobody's child but this one's: it ends with the pipe.
_MAPPER = '"$0" -port "$1" -address 127.0.0.1 & read -r _; kill $!'


class Cluster:
    """Three nodes with the settings of `deploy/rabbitmq-cluster.conf`, whole when it is entered.

    Each has data and ports of its own, all have one cookie and one port mapper; everything
    listens on loopback only and ends with this process, however it ends.
    """

    def __init__(self, installation: Installation, folder: Path) -> None:
        self._installation = installation
        (epmd_port,) = free_ports(1)
        self._membership = Membership(
            cookie=secrets.token_hex(20),
            password=secrets.token_urlsafe(24),
            epmd_port=epmd_port,
            configuration=_DEPLOYED.read_text(encoding="utf-8"),
            erlang=_SMALL,
        )
        self.nodes = tuple(
            PrivateNode(installation, folder / f"node-{number}", membership=self._membership)
            for number in range(1, SIZE + 1)
        )
        self._mapper: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._mapper = await asyncio.create_subprocess_exec(
            *("sh", "-c", _MAPPER, self._installation.epmd, str(self._membership.epmd_port)),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it tells of every connection that only looks
            start_new_session=True,
        )
        try:
            await self._until(self._mapper_listens)
            await self.start(*self.nodes)
            first, *others = self.nodes
            for node in others:
                await _control(node, "stop_app")
                await _control(node, "join_cluster", first.name)
                await _control(node, "start_app")
            await self.whole()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()

    @property
    def amqp_url(self) -> str:
        """With the hosts of all nodes; virtual host `/`."""
        return _of_all([node.amqp_url for node in self.nodes])

    @property
    def management_url(self) -> str:
        """With the hosts of all nodes."""
        return _of_all([node.management_url for node in self.nodes])

    async def start(self, *nodes: PrivateNode) -> None:
        """Start nodes side by side: one that was killed waits for those that ran longer."""
        await asyncio.gather(*(node.start(deadline=START_DEADLINE) for node in nodes))

    async def restart(self, *nodes: PrivateNode) -> None:
        """Stop nodes in order where they still run, and start them."""
        await asyncio.gather(*(node.stop() for node in nodes))
        await self.start(*nodes)

    def kill(self, *nodes: PrivateNode) -> None:
        """Kill -9, in the same moment."""
        for node in nodes:
            os.kill(node.pid, signal.SIGKILL)

    @contextmanager
    def frozen(self, node: PrivateNode) -> Iterator[None]:
        """Stop a node in the middle of whatever it does; its connections stay, and say nothing."""
        os.kill(node.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(node.pid, signal.SIGCONT)

    async def cut(self, node: PrivateNode) -> None:
        """Cut the network between a node and the others; clients reach both sides.

        With another cookie neither side can connect to the other any more.
        """
        peers = self._peers(node)
        changed = "".join(f"erlang:set_cookie('{peer}', cut), " for peer in peers)
        parted = ", ".join(f"erlang:disconnect_node('{peer}')" for peer in peers)
        await _control(node, "eval", f"{changed}{parted}.")

    async def mend(self, node: PrivateNode) -> None:
        """Let a cut node and the others find each other again."""
        cookie = self._membership.cookie
        changed = [f"erlang:set_cookie('{peer}', '{cookie}')" for peer in self._peers(node)]
        await _control(node, "eval", f"{', '.join(changed)}.")

    def _peers(self, node: PrivateNode) -> list[str]:
        return [peer.name for peer in self.nodes if peer is not node]

    async def whole(self) -> None:
        """Wait until every node sees all of them, and every queue has all its members at work."""
        await self._until(self._is_whole)

    async def given_up(self, node: PrivateNode) -> None:
        """Wait until the others have given a node up."""
        other = next(each for each in self.nodes if each is not node)

        async def is_given_up() -> bool:
            seen = await _told(other, "nodes")
            return any(each["name"] == node.name and not each["running"] for each in seen)

        await self._until(is_given_up)

    async def queues(self) -> Sequence[Mapping[str, Any]]:
        """All queues of all virtual hosts, as the management interface tells them."""
        told: Sequence[Mapping[str, Any]] = await _told(self.nodes[0], "queues")
        return told

    async def leading(self) -> PrivateNode:
        """The node that leads most queues."""
        ((name, _),) = Counter(queue["leader"] for queue in await self.queues()).most_common(1)
        return self._named(name)

    async def connected(self, connection: str) -> PrivateNode:
        """The node at which a connection whose name ends so arrives; it is told within seconds."""
        names: list[str] = []

        async def is_told() -> bool:
            names.extend(
                told["node"]
                for told in await _told(self.nodes[0], "connections")
                if _name_of(told).endswith(connection)
            )
            return bool(names)

        await self._until(is_told)
        return self._named(names[0])

    def _named(self, name: str) -> PrivateNode:
        return next(node for node in self.nodes if node.name == name)

    async def _is_whole(self) -> bool:
        names = {node.name for node in self.nodes}
        for node in self.nodes:
            try:
                seen = await _told(node, "nodes")
                queues = await _told(node, "queues")
            except httpx.HTTPError:
                return False
            if {each["name"] for each in seen if each["running"]} != names:
                return False
            if any(each.get("partitions") for each in seen):
                return False
            if not all(set(queue.get("online", ())) == names for queue in queues):
                return False
        return True

    async def _mapper_listens(self) -> bool:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, self._membership.epmd_port)
            writer.close()
            return True
        return False

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(START_DEADLINE.total_seconds()):
            while not await holds():  # noqa: ASYNC110 (the broker does not announce it)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _end(self) -> None:
        await asyncio.gather(*(node.stop() for node in self.nodes))
        if self._mapper is not None and self._mapper.stdin is not None:
            self._mapper.stdin.close()
            await self._mapper.wait()


async def _control(node: PrivateNode, *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        node.folder / "home/sbin/rabbitmqctl",
        "--quiet",
        *command,
        env=node.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {said.decode(errors='replace')}")


def _name_of(connection: dict[str, Any]) -> str:
    return str(connection.get("client_properties", {}).get("connection_name", ""))


async def _told(node: PrivateNode, what: str) -> Any:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        answer = await client.get(f"{node.management_url}/api/{what}")
        return answer.raise_for_status().json()


def _of_all(urls: Sequence[str]) -> str:
    """One URL with the hosts of all."""
    head, _, rest = urls[0].rpartition("@")
    hosts = [url.rpartition("@")[2].partition("/")[0] for url in urls]
    return f"{head}@{','.join(hosts)}/{rest.partition('/')[2]}"
