"""A private node lives as long as its owner, and keeps its data."""

import asyncio
import os
import signal
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from uuid import uuid4

import aio_pika
import pytest

from bus.rabbit.installation import Installation
from bus.rabbit.node import PrivateNode
from schemas.problem import ConfigurationError
from tests.rabbit_bus import eventually

OWNER = """
import asyncio, sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from bus.rabbit.installation import Installation
from bus.rabbit.node import PrivateNode

async def own():
    folder = Path(sys.argv[1]) if sys.argv[1] else None
    async with PrivateNode(Installation.find(), folder) as node:
        print(node.folder, node.pid, node.amqp_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(own())
"""


async def an_owner(folder: str) -> tuple[asyncio.subprocess.Process, Path, int, str]:
    """A process that owns a node, and the node's folder, pid and URL."""
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, folder), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    told = (await owner.stdout.readline()).decode().split()
    return owner, Path(told[0]), int(told[1]), told[2]


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
    owner, folder, node, _ = await an_owner("")
    started = pids_in(folder)
    assert node in started

    owner.kill()
    await owner.wait()

    await eventually(lambda: not any(map(running, started)))
    await eventually(lambda: not folder.exists())


async def test_a_node_left_over_is_ended_by_the_next_start_which_has_its_data(
    installation: Installation, tmp_path: Path
) -> None:
    """When owner and keeper are both killed, nobody is there to end it."""
    body = uuid4().bytes
    owner, folder, node, url = await an_owner(str(tmp_path))
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        # Classic: a quorum queue this young would not survive.
        await channel.declare_queue("kept", durable=True)
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "kept")
    keeper = parent_of(node)
    owner.send_signal(signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)
    owner.kill()
    await owner.wait()
    left_over = pids_in(folder)
    assert all(map(running, left_over))

    async with PrivateNode(installation, tmp_path) as heir:
        async with await aio_pika.connect(heir.amqp_url) as connection:
            queue = await (await connection.channel()).get_queue("kept", ensure=False)
            assert (await queue.get()).body == body
        with pytest.raises(ConfigurationError) as refused:
            await PrivateNode(installation, tmp_path).start()

        assert refused.value.problem.code == "E_HOME_IN_USE"
        assert refused.value.problem.params["pid"] == str(os.getpid())
        assert not any(map(running, left_over))


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
