"""The promises of a broker, kept by every implementation.

Another implementation joins by a fixture that returns a `BusOf`, named in the params of `bus_of`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from bus.core.message import WireMessage
from bus.core.topology import (
    DOCUMENTS,
    FAILURES,
    LEDGER,
    PROBE,
    REDELIVERY,
    Topology,
    desired,
    failure_key,
    queue_of,
    routing_key,
)
from bus.memory.broker import MemoryBroker
from bus.ports import (
    Broker,
    BrokerHealth,
    Handler,
    PublishOutcome,
    ReceivedMessage,
    Settlement,
)
from schemas.codes import EnvelopeKind, Lane
from schemas.envelope import MAX_BODY_BYTES
from schemas.identifiers import MailboxName
from schemas.problem import DocumentError
from tests.support.buses import Bus, BusOf

SENDER, RECIPIENT = MailboxName("H98"), MailboxName("G98.05")
NOBODY = MailboxName("G01")
STANDARD, EXPRESS = queue_of(RECIPIENT, Lane.STANDARD), queue_of(RECIPIENT, Lane.EXPRESS)
ACCOUNT = "tester"
MANY = 25
"""More than brokers give a message out by themselves: 20 times from 4.0 on."""
TOPOLOGY = desired([RECIPIENT], ledger=False)

DEADLINE = timedelta(seconds=20)
PATIENCE_SECONDS = 20
"""How long a test waits for what must happen; on a good day it takes milliseconds."""
A_WHILE_SECONDS = 0.2
"""How long a test watches that something does not happen."""

_ids = count()


class MemoryBus:
    """The broker in memory, which goes away when told to."""

    account = ACCOUNT

    def __init__(self, topology: Topology) -> None:
        self._memory = MemoryBroker(topology, accounts=frozenset({ACCOUNT}))
        self.broker: Broker = self._memory

    async def provision(self, topology: Topology) -> None:
        self._memory.provision(topology)

    async def go_away(self) -> None:
        self._memory.become(BrokerHealth.AWAY)

    async def come_back(self) -> None:
        self._memory.become(BrokerHealth.READY)


@asynccontextmanager
async def memory_bus(topology: Topology) -> AsyncIterator[Bus]:
    yield MemoryBus(topology)


@pytest.fixture
def memory_broker_factory() -> BusOf:
    return memory_bus


@pytest.fixture(params=["memory_broker_factory", "rabbit_broker_factory"])
def bus_of(request: pytest.FixtureRequest) -> BusOf:
    factory: BusOf = request.getfixturevalue(request.param)
    return factory


@pytest.fixture
async def bus(bus_of: BusOf) -> AsyncIterator[Bus]:
    async with bus_of(TOPOLOGY) as made:
        yield made


class Listener:
    """A handler that writes down what it hears and answers as it is told."""

    def __init__(self, *answers: Settlement, then: Settlement = Settlement.ACK) -> None:
        self._answers = list(answers)
        self._then = then
        self.heard: list[ReceivedMessage] = []
        self._changed = asyncio.Condition()

    async def __call__(self, received: ReceivedMessage) -> Settlement:
        async with self._changed:
            self.heard.append(received)
            self._changed.notify_all()
        return self._answers.pop(0) if self._answers else self._then

    async def until(self, number: int) -> list[ReceivedMessage]:
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.heard) >= number)
        return self.heard

    @property
    def bodies(self) -> list[bytes]:
        return [received.message.body for received in self.heard]


class Gate:
    """A handler that holds every message until it is opened."""

    def __init__(self, answer: Settlement = Settlement.ACK) -> None:
        self._answer = answer
        self._open = asyncio.Event()
        self._entered = asyncio.Semaphore(0)
        self.inside = 0
        self.most_inside = 0
        self.passed = 0

    async def __call__(self, _: ReceivedMessage) -> Settlement:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self._entered.release()
        await self._open.wait()
        self.inside -= 1
        self.passed += 1
        return self._answer

    async def entered(self, number: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(number):
                await self._entered.acquire()

    def open(self) -> None:
        self._open.set()


def a_message(
    body: bytes = b"{}", *, to: MailboxName = RECIPIENT, lane: Lane = Lane.STANDARD
) -> WireMessage:
    number = next(_ids)
    return WireMessage(
        exchange=DOCUMENTS,
        routing_key=routing_key(SENDER, to, lane, EnvelopeKind.DOCUMENT),
        body=body,
        type=EnvelopeKind.DOCUMENT,
        message_id=f"{number}",
        signature=f"signature {number}",
        headers={"traceparent": f"{number}"},
    )


async def publish(bus: Bus, *messages: WireMessage) -> None:
    for message in messages:
        outcome = await bus.broker.publish(message, deadline=DEADLINE)
        assert outcome is PublishOutcome.CONFIRMED


async def take(bus: Bus, queue: str, number: int = 1) -> list[ReceivedMessage]:
    listener = Listener()
    async with bus.broker.subscribe(queue, listener, prefetch=10):
        return await listener.until(number)


async def is_silent(bus: Bus, queue: str) -> bool:
    listener = Listener()
    async with bus.broker.subscribe(queue, listener, prefetch=10):
        await asyncio.sleep(A_WHILE_SECONDS)
    return not listener.heard


# --- publishing ---------------------------------------------------------------------------------


async def test_a_message_is_confirmed_and_arrives_as_it_was_sent(bus: Bus) -> None:
    message = replace(a_message(b'{"a": 1}'), attempt=3, user_id=bus.account)

    await publish(bus, message)
    [received] = await take(bus, STANDARD)

    assert received.queue == STANDARD
    assert received.message == message
    assert not received.redelivered
    assert received.delivery_count == 0


async def test_a_message_for_an_unknown_mailbox_is_returned(bus: Bus) -> None:
    outcome = await bus.broker.publish(a_message(to=NOBODY), deadline=DEADLINE)

    assert outcome is PublishOutcome.RETURNED


async def test_the_ledger_does_not_make_an_unknown_mailbox_routable(bus_of: BusOf) -> None:
    async with bus_of(desired([RECIPIENT], ledger=True)) as bus:
        outcome = await bus.broker.publish(a_message(to=NOBODY), deadline=DEADLINE)
        await publish(bus, a_message(b"heard twice"))

        assert outcome is PublishOutcome.RETURNED
        for queue in (STANDARD, LEDGER):
            [received] = await take(bus, queue)
            assert received.message.body == b"heard twice"


async def test_concurrent_outcomes_belong_to_their_own_message(bus: Bus) -> None:
    recipients = [RECIPIENT if number % 3 else NOBODY for number in range(300)]

    outcomes = await asyncio.gather(
        *(bus.broker.publish(a_message(to=box), deadline=DEADLINE) for box in recipients)
    )

    assert outcomes == [
        PublishOutcome.CONFIRMED if box == RECIPIENT else PublishOutcome.RETURNED
        for box in recipients
    ]


async def test_a_body_over_the_limit_is_refused_before_anything_is_sent(bus: Bus) -> None:
    with pytest.raises(DocumentError) as refused:
        await bus.broker.publish(a_message(b"x" * (MAX_BODY_BYTES + 1)), deadline=DEADLINE)

    assert refused.value.problem.code == "E_TOO_LARGE"
    assert await is_silent(bus, STANDARD)


async def test_a_body_at_the_limit_is_confirmed(bus: Bus) -> None:
    await publish(bus, a_message(b"x" * MAX_BODY_BYTES))


async def test_nobody_publishes_under_another_account_and_the_next_message_does_not_suffer(
    bus: Bus,
) -> None:
    forged = replace(a_message(), user_id="agency.G01")
    outcome = await bus.broker.publish(forged, deadline=DEADLINE)
    await publish(bus, replace(a_message(b"honest"), user_id=bus.account))
    [received] = await take(bus, STANDARD)

    assert outcome in {PublishOutcome.REFUSED, PublishOutcome.UNKNOWN}
    assert received.message.body == b"honest"


async def test_a_missing_exchange_confirms_nothing_and_the_next_message_does_not_suffer(
    bus: Bus,
) -> None:
    lost = replace(a_message(), exchange="nowhere")
    outcome = await bus.broker.publish(lost, deadline=DEADLINE)
    await publish(bus, a_message())

    assert outcome in {PublishOutcome.REFUSED, PublishOutcome.UNKNOWN}


async def test_a_full_queue_refuses_and_takes_again_when_it_is_emptied(bus_of: BusOf) -> None:
    async with bus_of(desired([RECIPIENT], ledger=False, max_queue_bytes=2_000)) as bus:
        confirmed = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            # A quorum queue tells its publishers late that it is full.
            while (
                outcome := await bus.broker.publish(a_message(b"x" * 1_000), deadline=DEADLINE)
            ) is PublishOutcome.CONFIRMED:
                confirmed += 1
        assert outcome is PublishOutcome.REFUSED
        assert confirmed >= 2

        listener = Listener()
        async with bus.broker.subscribe(STANDARD, listener, prefetch=10):
            await listener.until(confirmed)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while outcome is not PublishOutcome.CONFIRMED:
                    outcome = await bus.broker.publish(a_message(), deadline=DEADLINE)


# --- routing ------------------------------------------------------------------------------------


async def test_each_lane_has_its_own_queue(bus: Bus) -> None:
    await publish(bus, a_message(b"slow"), a_message(b"fast", lane=Lane.EXPRESS))

    [slow], [fast] = await take(bus, STANDARD), await take(bus, EXPRESS)

    assert (slow.message.body, fast.message.body) == (b"slow", b"fast")


async def test_words_after_the_lane_do_not_change_the_way(bus: Bus) -> None:
    message = a_message()
    bare = message.routing_key.rpartition(".")[0]
    keys = [bare, message.routing_key, f"{message.routing_key}.of.a.later.version"]

    await publish(bus, *(replace(a_message(), routing_key=key) for key in keys))
    received = await take(bus, STANDARD, len(keys))

    assert [each.message.routing_key for each in received] == keys


async def test_redelivery_leads_to_the_mailbox_but_not_to_the_ledger(bus_of: BusOf) -> None:
    async with bus_of(desired([RECIPIENT], ledger=True)) as bus:
        await publish(bus, replace(a_message(), exchange=REDELIVERY))
        [received] = await take(bus, STANDARD)

        assert received.message.exchange == REDELIVERY
        assert await is_silent(bus, LEDGER)


async def test_failures_hears_every_failure_even_of_an_unknown_mailbox(bus: Bus) -> None:
    failed = replace(
        a_message(),
        exchange=FAILURES,
        routing_key=failure_key(NOBODY, "sender"),
        user_id=bus.account,
    )

    await publish(bus, failed)
    [received] = await take(bus, FAILURES)

    assert received.message == failed


async def test_a_probe_is_shown_to_no_handler(bus: Bus) -> None:
    listener = Listener()
    async with bus.broker.subscribe(STANDARD, listener, prefetch=1):
        await publish(bus, replace(a_message(b""), type=PROBE), a_message(b"document"))
        await listener.until(1)

    assert listener.bodies == [b"document"]


# --- consuming ----------------------------------------------------------------------------------


async def test_a_queue_keeps_the_order_in_which_it_was_filled(bus: Bus) -> None:
    bodies = [str(number).encode() for number in range(50)]

    await publish(bus, *(a_message(body) for body in bodies))
    received = await take(bus, STANDARD, len(bodies))

    assert [each.message.body for each in received] == bodies


@pytest.mark.parametrize("returned", [Settlement.REQUEUE, Settlement.REJECT])
async def test_what_is_returned_comes_again_before_everything_later(
    bus: Bus, returned: Settlement
) -> None:
    listener = Listener(returned)
    await publish(bus, *(a_message(body) for body in (b"1", b"2", b"3")))
    async with bus.broker.subscribe(STANDARD, listener, prefetch=1):
        heard = await listener.until(4)

    assert listener.bodies == [b"1", b"1", b"2", b"3"]
    assert [each.redelivered for each in heard] == [False, True, False, False]


async def test_rejections_are_counted_and_nothing_is_given_up(bus: Bus) -> None:
    message = replace(a_message(b'{"signed": "bytes"}'), user_id=bus.account)
    listener = Listener(then=Settlement.REJECT)

    await publish(bus, message)
    async with bus.broker.subscribe(STANDARD, listener, prefetch=1):
        heard = await listener.until(MANY)

    assert [each.delivery_count for each in heard][:MANY] == list(range(MANY))


async def test_a_handler_that_raises_rejects(bus: Bus) -> None:
    counts: list[int] = []
    enough = asyncio.Event()

    async def stumble(received: ReceivedMessage) -> Settlement:
        counts.append(received.delivery_count)
        if len(counts) <= MANY:
            raise ValueError(received.queue)
        enough.set()
        return Settlement.ACK

    await publish(bus, a_message(b"poison"))
    async with bus.broker.subscribe(STANDARD, stumble, prefetch=1):
        await enough.wait()

    assert counts == list(range(MANY + 1))


async def test_no_more_than_the_prefetch_is_in_work(bus: Bus) -> None:
    gate = Gate()
    await publish(bus, *(a_message() for _ in range(10)))
    async with bus.broker.subscribe(STANDARD, gate, prefetch=3):
        await gate.entered(3)
        await asyncio.sleep(A_WHILE_SECONDS)
        inside = gate.inside
        gate.open()
        await gate.entered(7)

    assert inside == 3
    assert gate.most_inside == 3
    assert gate.passed == 10


async def test_lanes_do_not_wait_for_each_other(bus: Bus) -> None:
    gate, listener = Gate(), Listener()
    async with (
        bus.broker.subscribe(STANDARD, gate, prefetch=1),
        bus.broker.subscribe(EXPRESS, listener, prefetch=1),
    ):
        await publish(bus, a_message(), a_message(b"urgent", lane=Lane.EXPRESS))
        await gate.entered()
        await listener.until(1)
        gate.open()

    assert listener.bodies == [b"urgent"]


async def leave_while_inside(bus: Bus, gate: Gate) -> None:
    """Leave a subscription while its first message is in the gate; open it only then."""
    entered = asyncio.Event()

    async def handle(received: ReceivedMessage) -> Settlement:
        entered.set()
        return await gate(received)

    async def subscribe() -> None:
        async with bus.broker.subscribe(STANDARD, handle, prefetch=1):
            await entered.wait()

    leaving = asyncio.create_task(subscribe())
    await gate.entered()
    left_early, _ = await asyncio.wait([leaving], timeout=A_WHILE_SECONDS)
    assert not left_early
    gate.open()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await leaving


async def test_the_exit_starts_nothing_new_and_waits_for_what_is_under_way(bus: Bus) -> None:
    gate = Gate()
    await publish(bus, a_message(b"under way"), a_message(b"not begun"))

    await leave_while_inside(bus, gate)
    [left] = await take(bus, STANDARD)

    assert gate.passed == 1
    assert left.message.body == b"not begun"


async def test_what_is_requeued_on_the_way_out_waits_for_the_next_subscriber(bus: Bus) -> None:
    gate = Gate(Settlement.REQUEUE)
    await publish(bus, a_message(b"1"), a_message(b"2"))

    await leave_while_inside(bus, gate)
    received = await take(bus, STANDARD, 2)

    assert gate.passed == 1
    assert [each.message.body for each in received] == [b"1", b"2"]
    assert received[0].redelivered


async def test_what_is_requeued_on_the_way_out_keeps_its_order(bus: Bus) -> None:
    """Whoever of the handlers ends first, and whoever succeeds meanwhile."""
    bodies = [b"1", b"2", b"3", b"4", b"5"]
    gates = {body: Gate(Settlement.REQUEUE) for body in bodies[1:4]} | {b"1": Gate()}
    all_inside = asyncio.Event()

    async def handle(received: ReceivedMessage) -> Settlement:
        return await gates[received.message.body](received)

    async def leave() -> None:
        async with bus.broker.subscribe(STANDARD, handle, prefetch=4):
            await all_inside.wait()

    await publish(bus, *(a_message(body) for body in bodies))
    leaving = asyncio.create_task(leave())
    for gate in gates.values():
        await gate.entered()
    all_inside.set()
    for body in (b"1", b"4", b"2", b"3"):
        await asyncio.wait([leaving], timeout=A_WHILE_SECONDS)
        gates[body].open()
    await leaving
    received = await take(bus, STANDARD, 4)

    assert [each.message.body for each in received] == bodies[1:]


# --- bad days -----------------------------------------------------------------------------------


async def test_a_publish_has_an_outcome_within_its_deadline_when_the_broker_is_away(
    bus: Bus,
) -> None:
    await bus.go_away()
    loop = asyncio.get_running_loop()
    began, deadline = loop.time(), timedelta(seconds=0.3)

    outcome = await bus.broker.publish(a_message(), deadline=deadline)
    took = timedelta(seconds=loop.time() - began)

    assert outcome is PublishOutcome.UNKNOWN
    assert took < deadline + timedelta(seconds=1)
    assert bus.broker.health is BrokerHealth.AWAY


async def test_a_publish_waits_for_a_broker_that_comes_back_in_time(bus: Bus) -> None:
    await bus.go_away()
    publishing = asyncio.create_task(bus.broker.publish(a_message(), deadline=DEADLINE))
    done, _ = await asyncio.wait([publishing], timeout=A_WHILE_SECONDS)

    await bus.come_back()

    assert not done
    assert await publishing is PublishOutcome.CONFIRMED
    assert bus.broker.health is BrokerHealth.READY


async def test_a_subscription_made_while_the_broker_is_away_hears_when_it_is_back(
    bus: Bus,
) -> None:
    listener = Listener()
    await publish(bus, a_message(b"1"))
    await bus.go_away()

    async def subscribe() -> None:
        async with bus.broker.subscribe(STANDARD, listener, prefetch=1):
            await listener.until(1)

    subscribing = asyncio.create_task(subscribe())
    heard_early, _ = await asyncio.wait([subscribing], timeout=A_WHILE_SECONDS)
    await bus.come_back()
    await subscribing

    assert not heard_early
    assert listener.bodies == [b"1"]


async def test_a_settlement_after_a_reconnect_is_void_and_the_message_comes_again(
    bus: Bus,
) -> None:
    late, second, last = Gate(), Gate(Settlement.REQUEUE), Listener()
    handlers: list[Handler] = [late, second, last]

    async def handle(received: ReceivedMessage) -> Settlement:
        return await handlers.pop(0)(received)

    await publish(bus, a_message(b"1"))
    async with bus.broker.subscribe(STANDARD, handle, prefetch=2):
        await late.entered()
        await bus.go_away()
        await bus.come_back()
        await second.entered()
        late.open()
        await asyncio.sleep(A_WHILE_SECONDS)
        # Had the late acknowledgement counted, there would be nothing left to requeue.
        second.open()
        [received] = await last.until(1)

    assert received.message.body == b"1"
    assert received.redelivered


async def test_handlers_of_a_lost_connection_count_towards_the_prefetch(bus: Bus) -> None:
    gate = Gate()
    await publish(bus, a_message())
    async with bus.broker.subscribe(STANDARD, gate, prefetch=1):
        await gate.entered()
        await bus.go_away()
        await bus.come_back()
        await asyncio.sleep(A_WHILE_SECONDS)
        gate.open()
        await gate.entered()

    assert gate.most_inside == 1
    assert gate.passed == 2


async def test_a_subscription_survives_the_deletion_and_return_of_its_queue(bus: Bus) -> None:
    listener = Listener()
    async with bus.broker.subscribe(STANDARD, listener, prefetch=1):
        await publish(bus, a_message(b"before"))
        await listener.until(1)

        await bus.provision(desired([], ledger=False))
        outcome = await bus.broker.publish(a_message(b"between"), deadline=DEADLINE)
        await bus.provision(TOPOLOGY)
        await publish(bus, a_message(b"after"))
        await listener.until(2)

    assert outcome is PublishOutcome.RETURNED
    assert listener.bodies == [b"before", b"after"]
