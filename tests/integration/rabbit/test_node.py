"""A private node lives as long as its owner, and keeps its data."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import aio_pika
import pytest
from aio_pika.exceptions import ChannelPreconditionFailed

from bus.core.message import WireMessage
from bus.core.topology import FAILURES, desired, failure_key
from bus.ports import PublishOutcome, ReceivedMessage, Settlement
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.installation import Installation
from bus.rabbit.management import Management
from bus.rabbit.node import PrivateNode
from bus.rabbit.provisioning import Provisioning
from schemas.identifiers import MailboxName
from schemas.limits import MAX_BODY_BYTES
from schemas.problem import ConfigurationError
from tests.support.rabbit_bus import PATIENCE, eventually

OWNER = """
import asyncio, sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from bus.rabbit.node import PrivateNode
from tests.support.rabbit_bus import installation

async def own():
    folder = Path(sys.argv[1]) if sys.argv[1] else None
    async with PrivateNode(installation(), folder) as node:
        print(node.folder, node.pid, node.amqp_url, node.management_url, sep="\t", flush=True)
        await asyncio.Event().wait()

asyncio.run(own())
"""


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A process that owns a node, and what it tells of the node."""

    owner: asyncio.subprocess.Process
    folder: Path
    pid: int
    amqp_url: str
    management_url: str


async def an_owner(folder: str) -> Owned:
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, folder), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    folder, pid, amqp_url, management_url = (
        (await owner.stdout.readline()).decode().strip().split("\t")
    )
    return Owned(
        owner=owner,
        folder=Path(folder),
        pid=int(pid),
        amqp_url=amqp_url,
        management_url=management_url,
    )


def running(pid: int) -> bool:
    """Whether a process exists and is more than a record waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def pids_in(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


async def test_a_node_ends_with_an_owner_that_is_killed_and_leaves_nothing(
    installation: Installation,
) -> None:
    node = await an_owner("")
    started = pids_in(node.folder)
    assert node.pid in started

    node.owner.kill()
    await node.owner.wait()

    await eventually(lambda: not any(map(running, started)))
    await eventually(lambda: not node.folder.exists())


@pytest.mark.parametrize("name", ["rabbitmq", "Trục mới (2) 'thử' [x]"])
async def test_a_node_left_over_is_ended_by_the_next_start_which_has_its_data(
    installation: Installation, tmp_path: Path, name: str
) -> None:
    """When owner and keeper are both killed, nobody is there to end it. In a folder of any name."""
    folder = tmp_path / name
    heard: list[ReceivedMessage] = []

    async def take(received: ReceivedMessage) -> Settlement:
        heard.append(received)
        return Settlement.ACK

    node = await an_owner(str(folder))
    async with Management(node.management_url) as management:
        # Its settling is what lets the new queues survive.
        provisioning = Provisioning(node.amqp_url, management)
        await provisioning.apply(await provisioning.plan(desired([], ledger=False)))
    async with RabbitBroker(node.amqp_url, name="test") as broker:
        outcome = await broker.publish(a_failure(), deadline=PATIENCE)
    assert outcome is PublishOutcome.CONFIRMED
    # Stopped, it cannot end the node when the keeper is killed first.
    node.owner.send_signal(signal.SIGSTOP)
    os.kill(parent_of(node.pid), signal.SIGKILL)
    node.owner.kill()
    await node.owner.wait()
    left_over = pids_in(node.folder)
    assert all(map(running, left_over))

    async with PrivateNode(installation, folder) as heir:
        assert heir.amqp_url == node.amqp_url
        async with RabbitBroker(heir.amqp_url, name="test") as broker:
            async with broker.subscribe(FAILURES, take, prefetch=1):
                await eventually(lambda: [each.message.message_id for each in heard] == ["1"])
        with pytest.raises(ConfigurationError) as refused:
            await PrivateNode(installation, folder).start()

        assert refused.value.problem.code == "E_HOME_IN_USE"
        assert refused.value.problem.params["pid"] == str(os.getpid())
        assert not any(map(running, left_over))


async def test_a_node_that_cannot_start_is_not_told_as_a_missing_installation(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("where a folder is due")

    with pytest.raises(ConfigurationError) as refused:
        await PrivateNode(installation, tmp_path).start()

    assert refused.value.problem.code == "E_BROKER_START"
    assert str(tmp_path) in refused.value.problem.text()


def a_failure() -> WireMessage:
    key = failure_key(MailboxName("H98"), "ours")
    return WireMessage(
        exchange=FAILURES, routing_key=key, body=b"{}", type="document", message_id="1"
    )


def parent_of(pid: int) -> int:
    # The name, in brackets, may hold spaces.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_secrets_and_ports_are_for_the_owner_only(mortal: PrivateNode) -> None:
    private = [
        path
        for path in (
            mortal.folder / name for name in ("node.json", "rabbitmq.conf", ".erlang.cookie")
        )
        if path.stat().st_mode & 0o077 == 0
    ]
    addresses = await asyncio.to_thread(listening_addresses, mortal)

    assert len(private) == 3
    assert len(addresses) >= 4
    assert all(address.is_loopback for address in addresses)


def listening_addresses(node: PrivateNode) -> list[IPv4Address | IPv6Address]:
    """Where the node's processes listen, by the kernel's word."""
    inodes = set()
    for pid in pids_in(node.folder):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed in the meantime
                inodes.add(str(descriptor.readlink()))
    addresses: list[IPv4Address | IPv6Address] = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                # The kernel shows words of the machine's order.
                words = bytes.fromhex(fields[1].partition(":")[0])
                raw = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
                addresses.append(ip_address(raw))
    return addresses


async def test_a_node_of_our_own_takes_no_message_that_could_not_be_an_envelope(
    mortal: PrivateNode,
) -> None:
    """What a hostile account publishes past our own check never reaches a recipient's memory."""
    async with await aio_pika.connect(mortal.amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        whole = aio_pika.Message(b"x" * MAX_BODY_BYTES)
        await channel.default_exchange.publish(whole, queue.name)

        larger = aio_pika.Message(b"x" * (MAX_BODY_BYTES + 1))
        with pytest.raises(ChannelPreconditionFailed, match="larger than configured max size"):
            await channel.default_exchange.publish(larger, queue.name)
