"""Bad days of a cluster of three under load: nothing lost, nothing twice, and how soon it goes on.

Scenario 22. Every test ends with the account of all documents: `correspondence` checks it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import repeat

import pytest

from bus.core.message import WireMessage
from bus.core.topology import DOCUMENTS, routing_key
from bus.ports import PublishOutcome
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.node import PrivateNode
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName
from tests.cluster.agencies import CODES
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import Correspondence, Tell
from tests.support.rabbit_bus import VirtualHost

RESUMED_WITHIN_SECONDS = 10.0
FROZEN_RESUMED_WITHIN_SECONDS = 20.0
"""7 until we notice, 7.5 until its peers do, 3 until a channel opened in between is left, and the
pauses between tries. 10 is met when the cores have time."""
PUBLISHING = "/1 publishing"

Choice = Callable[[Cluster], Awaitable[PrivateNode]]

either_role = pytest.mark.parametrize(
    "chosen",
    [lambda cluster: cluster.connected(PUBLISHING), lambda cluster: cluster.leading()],
    ids=["published through", "leading"],
)
"""The loss of a node is seen in two ways: a connection dies, or the leaders of queues do."""


async def test_every_queue_has_a_member_on_every_node(
    cluster: Cluster, correspondence: Correspondence
) -> None:
    """Three members come without asking: the default size on 3.10 is 3, and all nodes ran."""
    names = {node.name for node in cluster.nodes}
    async with correspondence() as agencies:
        await agencies.flowing(time.monotonic())

        queues = await cluster.queues()

    assert len(queues) == 2 * len(CODES) + 1
    assert all(queue["type"] == "quorum" for queue in queues)
    assert all(set(queue["members"]) == names for queue in queues)


@either_role
async def test_one_node_killed_and_traffic_resumes_within_ten_seconds(
    cluster: Cluster, correspondence: Correspondence, tell: Tell, chosen: Choice
) -> None:
    """Its connections break at once; the others elect new leaders and take the clients."""
    async with correspondence() as agencies:
        await agencies.flowing(time.monotonic())
        node = await chosen(cluster)

        cluster.kill(node)
        resumed = await agencies.flowing(time.monotonic())

        tell(f"one killed: every agency heard every other again after {resumed:.1f} s")
        await cluster.restart(node)
        await cluster.whole()
        await agencies.flowing(time.monotonic())
    assert resumed < RESUMED_WITHIN_SECONDS


@either_role
async def test_one_node_frozen_and_traffic_resumes_when_it_was_given_up(
    cluster: Cluster, correspondence: Correspondence, tell: Tell, chosen: Choice
) -> None:
    """No connection breaks: the loss is noticed by silence alone, by us and by its peers.

    One that was given up and comes back serves on, but its database has parted from the others'
    and nobody mends that: it must be restarted (RabbitMQ manual, Clustering and Network
    Partitions: suspend and resume).
    """
    async with correspondence() as agencies:
        await agencies.flowing(time.monotonic())
        node = await chosen(cluster)

        with cluster.frozen(node):
            resumed = await agencies.flowing(time.monotonic())
            await cluster.given_up(node)

        tell(f"one frozen: every agency heard every other again after {resumed:.1f} s")
        await agencies.flowing(time.monotonic())
        await cluster.restart(node)
        await cluster.whole()
        await agencies.flowing(time.monotonic())
    assert resumed < FROZEN_RESUMED_WITHIN_SECONDS


async def test_two_nodes_killed_and_nothing_is_acknowledged_until_one_returns(
    cluster: Cluster, correspondence: Correspondence, host: VirtualHost, tell: Tell
) -> None:
    """Without a majority a publish ends within its deadline, and not as confirmed."""
    deadline = timedelta(seconds=2)
    async with correspondence() as agencies, RabbitBroker(host.amqp_url, name="probe") as broker:
        await agencies.flowing(time.monotonic())
        first, second, _ = cluster.nodes

        cluster.kill(first, second)
        await agencies.until(agencies.nobody_is_ready)
        sent_before = agencies.sent()
        began = time.monotonic()
        outcomes = [await broker.publish(a_message(), deadline=deadline) for _ in repeat(None, 3)]
        took = time.monotonic() - began
        sent_meanwhile = agencies.sent() - sent_before

        await cluster.restart(first, second)
        back = time.monotonic()
        resumed = await agencies.flowing(back)
        tell(
            f"two killed: 3 publishes {[*map(str, outcomes)]} in {took:.1f} s; both back after "
            f"{back - began:.1f} s, every agency heard every other again {resumed:.1f} s later"
        )
        await cluster.whole()

    assert not sent_meanwhile
    # Before 4.x the lone node pauses; from then on it stays, and sees that nobody is addressed.
    assert PublishOutcome.CONFIRMED not in outcomes
    assert took < 3 * deadline.total_seconds() + 1


def a_message() -> WireMessage:
    """To nobody: had it been carried, it would have come back as returned."""
    nobody = MailboxName("Z99")
    return WireMessage(
        exchange=DOCUMENTS,
        routing_key=routing_key(nobody, nobody, Lane.STANDARD, EnvelopeKind.DOCUMENT),
        body=b"{}",
        type=EnvelopeKind.DOCUMENT,
        message_id="probe",
    )


async def test_the_network_cut_and_mended_and_both_sides_agree(
    cluster: Cluster, correspondence: Correspondence, tell: Tell
) -> None:
    """The cut node pauses and sends its clients away; it may not confirm what only it holds."""
    async with correspondence() as agencies:
        await agencies.flowing(time.monotonic())
        node = await cluster.connected(PUBLISHING)

        await cluster.cut(node)
        resumed = await agencies.flowing(time.monotonic())

        tell(f"one cut off: every agency heard every other again after {resumed:.1f} s")
        await cluster.given_up(node)
        await cluster.mend(node)
        await cluster.whole()
        await agencies.flowing(time.monotonic())
    assert resumed < RESUMED_WITHIN_SECONDS


async def test_all_three_restarted_one_after_the_other_and_traffic_goes_on(
    cluster: Cluster, correspondence: Correspondence, tell: Tell
) -> None:
    """As the manual has it: the next is stopped when every queue has all its members again."""
    async with correspondence() as agencies:
        await agencies.flowing(time.monotonic())
        began, resumed = time.monotonic(), []

        for node in cluster.nodes:
            restarting = asyncio.create_task(cluster.restart(node))
            resumed.append(await agencies.flowing(time.monotonic()))
            await restarting
            await cluster.whole()

        silence = agencies.longest_silence(began)
        tell(
            f"all restarted in {time.monotonic() - began:.0f} s: flowing again after "
            f"{', '.join(f'{each:.1f}' for each in resumed)} s; longest silence {silence:.1f} s"
        )
        assert max(resumed) < RESUMED_WITHIN_SECONDS
