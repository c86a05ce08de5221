"""A private node that tests may kill, start again and put under an alarm."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from bus.rabbit.locate import Located, Way
from bus.rabbit.node import START_DEADLINE, PrivateNode
from tests.support.rabbit_bus import VirtualHost, eventually, virtual_host


@asynccontextmanager
async def host_on(
    node: PrivateNode, *, settling: timedelta = timedelta()
) -> AsyncIterator[VirtualHost]:
    """A fresh virtual host on a node."""
    located = Located(amqp_url=node.amqp_url, management_url=node.management_url, way=Way.PRIVATE)
    async with virtual_host(located, settling=settling) as host:
        yield host


async def kill_and_start_again(node: PrivateNode) -> None:
    """Kill -9; its keeper starts it again on the same data and ports."""
    killed = node.pid
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: node.pid != killed)
    async with asyncio.timeout(START_DEADLINE.total_seconds()):
        await node.answering()


@asynccontextmanager
async def memory_alarm(node: PrivateNode) -> AsyncIterator[None]:
    """The node has no memory to spare: it reads nothing more from those who publish."""
    await set_memory_limit(node, "absolute", "1MB")
    try:
        yield
    finally:
        await set_memory_limit(node, "0.25")


async def set_memory_limit(node: PrivateNode, *limit: str) -> None:
    """Beyond the limit the node raises its alarm at once. One that is starting is waited for."""
    command = (node.folder / "home/sbin/rabbitmqctl", "--quiet", "set_vm_memory_high_watermark")
    async with asyncio.timeout(START_DEADLINE.total_seconds()):
        while True:
            process = await asyncio.create_subprocess_exec(*command, *limit, env=node.environment)
            if await process.wait() == 0:
                return
