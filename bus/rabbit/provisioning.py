"""Provisioning: reads, makes and proves the topology of one virtual host, as an administrator.

The only place that declares anything; workers have no right to. What is wanted is decided in
`bus.core.topology`, what is to be done in `bus.core.plan`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TypeVar
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractQueue
from aiormq.exceptions import AMQPError

from bus.core.plan import Change, Plan, difference
from bus.core.topology import PROBE, Binding, Exchange, Policy, Queue, Topology
from bus.rabbit.management import FoundPolicy, FoundQueue, Management
from schemas.problem import ConfigurationError, Language, TransportError

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done, and how many there are."""

_PARALLEL = 16
# Declaring 190 quorum queues takes 2.5 s on one channel, 1.4 s on four or more (3.10.8, 2 cores).
_CONNECT_TIMEOUT = timedelta(seconds=10)
_PROBE_DEADLINE = timedelta(seconds=5)
SETTLING = timedelta(seconds=2)
"""How long a new queue stays unbound. On 3.10.8 one whose broker was killed up to 0.5 s after its
declaration, and no longer after 1 s, came back without a leader, confirmed messages and all."""


class Defect(StrEnum):
    """What can be wrong with a broker that is running."""

    DIFFERENT = "different"
    OVERRULED = "overruled"
    LEADERLESS = "leaderless"
    SILENT = "silent"


_SENTENCES = {
    Defect.DIFFERENT: ("{detail}", "{detail}"),
    Defect.OVERRULED: (
        "Queue {name} obeys policy {detail}, not ours.",
        "Hàng đợi {name} theo chính sách {detail}, không theo chính sách của trục.",
    ),
    Defect.LEADERLESS: (
        "Queue {name} has no leader: it takes and gives nothing.",
        "Hàng đợi {name} không có nút chủ: không nhận và không phát gì.",
    ),
    Defect.SILENT: (
        "Queue {name} did not give back a probe message: delete it while it is empty, then apply.",
        "Hàng đợi {name} không trả lại thông điệp thử: hãy xóa khi còn rỗng rồi áp dụng lại.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that verification found."""

    defect: Defect
    name: str
    detail: str = ""

    def sentence(self, language: Language = Language.ENGLISH) -> str:
        """The finding, for people."""
        english, vietnamese = _SENTENCES[self.defect]
        template = english if language is Language.ENGLISH else vietnamese
        return template.format(name=self.name, detail=self.detail)


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What came of a plan.

    Attributes:
        opened: Queues that gave a probe back and were then bound.
        findings: Queues that did not; they stay unbound, so that nothing is sent to them.
    """

    opened: tuple[str, ...]
    findings: tuple[Finding, ...]


class Provisioning:
    """Reads, makes and proves the objects of one virtual host.

    Raises `TransportError` E_BROKER_AWAY when the broker cannot be reached.

    Args:
        amqp_url: Of an administrator, with the virtual host.
        management: The same virtual host.
        settling: How long a new queue stays unbound; less only where nothing must survive.
    """

    def __init__(
        self, amqp_url: str, management: Management, *, settling: timedelta = SETTLING
    ) -> None:
        self._amqp_url = amqp_url
        self._management = management
        self._settling = settling

    async def read(self) -> Topology:
        """What is there."""
        found, _ = await self._read()
        return found

    async def plan(self, wanted: Topology) -> Plan:
        """What is missing or different."""
        return difference(wanted, await self.read())

    async def apply(
        self, plan: Plan, *, remove: bool = False, progress: Progress = lambda *_: None
    ) -> Applied:
        """Carry out a plan. Run it again after a failure: it is safe to repeat.

        A queue is bound, and so opened, only when it is old enough to survive a kill of its
        broker and a probe message has made the round trip through it. One that does not answer
        and was never bound, so holds nothing, is made anew.

        Args:
            remove: Also remove what is not declared, save queues that hold messages.

        Raises:
            ConfigurationError: E_TOPOLOGY, an object has another type; nothing was done.
        """
        for thing in plan.of(Change.CONFLICT):
            name = getattr(thing, "name", "")
            raise ConfigurationError.of("E_TOPOLOGY", object=name, cause="it has another type")
        made = plan.of(Change.CREATE)
        bindings = [thing for thing in made if isinstance(thing, Binding)]
        async with _connection(self._amqp_url) as connection:
            await self._declare(connection, plan, progress)
            queues = tuple(dict.fromkeys(binding.queue for binding in bindings))
            findings = await _probe_all(connection, queues, progress)
            if findings:
                await self._renew(connection, findings)
                findings = await _probe_all(connection, [finding.name for finding in findings])
            if any(isinstance(thing, Queue) for thing in made):
                await asyncio.sleep(self._settling.total_seconds())
            silent = {finding.name for finding in findings}
            opened = tuple(queue for queue in queues if queue not in silent)

            async def bind(binding: Binding) -> None:
                async with connection.channel() as channel:
                    queue = await channel.get_queue(binding.queue, ensure=False)
                    await queue.bind(binding.exchange, binding.pattern)

            heard = [binding for binding in bindings if binding.queue not in silent]
            await _each(heard, bind, progress, "bindings")
            if remove:
                await self._remove(connection, plan)
        return Applied(opened=opened, findings=findings)

    async def verify(self, wanted: Topology) -> tuple[Finding, ...]:
        """Prove that the broker is as wanted: types, bindings, policy in force, leaders, probes.

        A queue in use, with messages or consumers, is not probed: nobody is disturbed.
        """
        found, queues = await self._read()
        findings = [
            Finding(
                defect=Defect.DIFFERENT,
                name=getattr(step.object, "name", ""),
                detail=step.sentence(),
            )
            for step in difference(wanted, found).steps
        ]
        there = [queue for queue in wanted.queues if queue.name in queues]
        overruling = [_policy(p) for p in await self._management.operator_policies()]
        findings += _overruled(there, wanted, found, overruling)
        findings += [
            Finding(defect=Defect.LEADERLESS, name=queue.name)
            for queue in there
            if queue.kind == "quorum" and not queues[queue.name].leader
        ]
        async with _connection(self._amqp_url) as connection:
            findings += await _probe_all(connection, [queue.name for queue in there])
        return tuple(findings)

    async def _read(self) -> tuple[Topology, dict[str, FoundQueue]]:
        exchanges, queues, bindings, policies = await asyncio.gather(
            self._management.exchanges(),
            self._management.queues(),
            self._management.bindings(),
            self._management.policies(),
        )
        found = Topology(
            exchanges=tuple(Exchange(name=e.name, kind=e.type) for e in exchanges),
            queues=tuple(Queue(name=q.name, kind=q.type) for q in queues),
            bindings=tuple(
                Binding(exchange=b.source, queue=b.destination, pattern=b.routing_key)
                for b in bindings
            ),
            policies=tuple(_policy(p) for p in policies if p.apply_to != "exchanges"),
        )
        return found, {queue.name: queue for queue in queues}

    async def _declare(
        self, connection: AbstractConnection, plan: Plan, progress: Progress
    ) -> None:
        made = plan.of(Change.CREATE)
        async with connection.channel() as channel:
            for thing in made:
                if isinstance(thing, Exchange):
                    await channel.declare_exchange(thing.name, thing.kind, durable=True)
        for thing in (*made, *plan.of(Change.CHANGE)):
            if isinstance(thing, Policy):
                await self._management.put_policy(
                    thing.name,
                    pattern=thing.pattern,
                    definition=thing.definition,
                    priority=thing.priority,
                )

        queues = [thing for thing in made if isinstance(thing, Queue)]
        await _each(queues, partial(_declare, connection), progress, "queues")

    async def _renew(self, connection: AbstractConnection, silent: Iterable[Finding]) -> None:
        """Make silent queues anew, save those that were ever bound: they may hold messages."""
        bound = {binding.destination for binding in await self._management.bindings()}
        for finding in silent:
            if finding.name not in bound:
                async with connection.channel() as channel:
                    await channel.queue_delete(finding.name)
                await _declare(connection, Queue(name=finding.name))

    async def _remove(self, connection: AbstractConnection, plan: Plan) -> None:
        async with connection.channel() as channel:
            for thing in plan.of(Change.REMOVE):
                match thing:
                    case Policy(name=name):
                        await self._management.delete_policy(name)
                    case Binding(exchange=exchange, queue=name, pattern=pattern):
                        queue = await channel.get_queue(name, ensure=False)
                        await queue.unbind(exchange, pattern)
                    case Queue(name=name):
                        queue = await channel.get_queue(name)
                        # Quorum queues do not know `if-empty`.
                        if not queue.declaration_result.message_count:
                            await queue.delete(if_empty=False, if_unused=False)
                    case Exchange(name=name):
                        await channel.exchange_delete(name)


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AbstractConnection]:
    """The doorway: what goes wrong with the broker inside is a `TransportError` outside."""
    try:
        async with await aio_pika.connect(
            url,
            timeout=_CONNECT_TIMEOUT.total_seconds(),
            client_properties={"connection_name": "lienthong provisioning"},
        ) as connection:
            yield connection
    except (AMQPError, OSError) as error:
        raise TransportError.of("E_BROKER_AWAY", cause=repr(error)) from error


def _policy(found: FoundPolicy) -> Policy:
    return Policy(
        name=found.name,
        pattern=found.pattern,
        definition=found.definition,
        priority=found.priority,
    )


def _overruled(
    queues: Iterable[Queue], wanted: Topology, found: Topology, operator: Sequence[Policy]
) -> list[Finding]:
    """Policies that win over ours: of higher priority, or an operator's with other values."""
    findings = []
    for queue in queues:
        ours, theirs = wanted.policy_of(queue.name), found.policy_of(queue.name)
        if ours is None:
            continue
        winners = [] if theirs is None or theirs.name == ours.name else [theirs]
        winners += [
            policy
            for policy in operator
            if policy.governs(queue.name)
            and any(ours.definition.get(k, v) != v for k, v in policy.definition.items())
        ]
        findings += [
            Finding(defect=Defect.OVERRULED, name=queue.name, detail=policy.name)
            for policy in winners
        ]
    return findings


async def _declare(connection: AbstractConnection, queue: Queue) -> None:
    async with connection.channel() as channel:
        await channel.declare_queue(
            queue.name, durable=True, arguments={"x-queue-type": queue.kind}
        )


async def _probe_all(
    connection: AbstractConnection, queues: Sequence[str], progress: Progress = lambda *_: None
) -> tuple[Finding, ...]:
    silent: list[str] = []

    async def probe(queue: str) -> None:
        try:
            async with asyncio.timeout(_PROBE_DEADLINE.total_seconds()):
                await _probe(connection, queue)
        except (TimeoutError, AMQPError):
            silent.append(queue)

    await _each(queues, probe, progress, "probes")
    return tuple(Finding(defect=Defect.SILENT, name=queue) for queue in sorted(silent))


async def _probe(connection: AbstractConnection, name: str) -> None:
    """Send a message through a queue that nobody uses, and take it back.

    Through the default exchange: only this queue sees it, not the ledger. A probe that was given
    up and turns up later is taken by the next probe, or swallowed by the consumer's driver.
    """
    # Not closed when the probe fails: the broker's side of the channel may then never answer.
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    queue = await channel.get_queue(name)
    told = queue.declaration_result
    if not told.message_count and not told.consumer_count:
        message = aio_pika.Message(
            b"", type=PROBE, message_id=uuid4().hex, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await channel.default_exchange.publish(message, name, mandatory=True)
        await _take_probes(queue)
    await channel.close()


async def _take_probes(queue: AbstractQueue) -> None:
    while (message := await queue.get(fail=False)) is not None:
        if message.type != PROBE:
            # Somebody publishes already; it goes back to its place.
            await message.nack(requeue=True)
            return
        await message.ack()


async def _each(
    items: Sequence[T], work: Callable[[T], Awaitable[None]], progress: Progress, what: str
) -> None:
    """Work on all items, some at a time."""
    waiting = iter(items)
    done = 0

    async def worker() -> None:
        nonlocal done
        for item in waiting:
            await work(item)
            done += 1
            progress(what, done, len(items))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_PARALLEL, len(items))):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
