"""Provisioning: reads, makes and proves the topology of one virtual host.

What is wanted is decided in `bus.core.topology`, what is to be done in `bus.core.plan`.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from bus.core.plan import ChangeKind, Plan, PlanStep, TopologyObject, difference
from bus.core.topology import Account, Binding, Exchange, Policy, Queue, Topology
from bus.rabbit.administration import Administration, Progress, nobody
from bus.rabbit.management import FoundPolicy, FoundQueue, Management
from schemas.problem import ConfigurationError, Language
from schemas.term import term

SETTLING = timedelta(seconds=1.5)
"""How long a new queue stays unbound after its declaration. RabbitMQ writes the names of quorum
queues to disk 0.5 to 1 s after the last declaration (`names.dets` of ra 2.2.0, in 3.10.8). A queue
whose broker is killed before comes back without a leader, and its confirmed messages are lost."""


class Defect(StrEnum):
    """The kinds of findings on a running broker."""

    DIFFERENT = "different"
    OVERRULED = "overruled"
    LEADERLESS = "leaderless"
    SILENT = "silent"


_SENTENCES = {
    Defect.OVERRULED: (
        "Queue {name} obeys policy {policy}, not ours.",
        "Hàng đợi {name} theo chính sách {policy}, không theo chính sách của trục.",
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
    """One finding of the verification.

    Attributes:
        step: What is not as declared; for `Defect.DIFFERENT` alone.
        policy: Which one overrules ours.
    """

    defect: Defect
    name: str
    step: PlanStep | None = None
    policy: str = ""

    def sentence(self, language: Language = Language.ENGLISH) -> str:
        """The finding as a sentence."""
        if self.step is not None:
            return self.step.sentence(language)
        english, vietnamese = _SENTENCES[self.defect]
        template = english if language is Language.ENGLISH else vietnamese
        return template.format(name=self.name, policy=self.policy)


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """The result of a plan.

    Attributes:
        opened: Queues that returned a probe message and were then bound.
        findings: Queues that did not; they stay unbound, so that no message reaches them.
    """

    opened: tuple[str, ...]
    findings: tuple[Finding, ...]


class Passwords(Protocol):
    """Keeps the passwords of accounts."""

    def kept(self, account: str) -> str | None:
        """The password of an account; None: it has none yet."""

    def of(self, account: str) -> str:
        """The password of an account, made when it has none yet."""


class Provisioning:
    """Reads, makes and proves the objects of one virtual host.

    Raises `TransportError` E_BROKER_AWAY when the broker cannot be reached.

    Args:
        amqp_url: Of an administrator, with the virtual host.
        management: The same virtual host.
        settling: How long a new queue stays unbound; less only where nothing must survive.
        passwords: Needed where the topology has accounts.
    """

    def __init__(
        self,
        amqp_url: str,
        management: Management,
        *,
        settling: timedelta = SETTLING,
        passwords: Passwords | None = None,
    ) -> None:
        self._administration = Administration(amqp_url)
        self._management = management
        self._settling = settling
        self._passwords = passwords

    async def read(self) -> Topology:
        """The objects that exist."""
        found, _ = await self._read()
        return found

    async def accounts(self, wanted: Topology) -> tuple[Account, ...]:
        """All accounts that exist."""
        return await self._accounts(wanted.accounts)

    async def plan(self, wanted: Topology) -> Plan:
        """The plan of all objects that are missing or different."""
        found, _ = await self._read(wanted.accounts)
        return difference(wanted, found)

    async def apply(
        self, plan: Plan, *, remove: bool = False, progress: Progress = nobody
    ) -> Applied:
        """Carry out a plan. Run it again after a failure: it is safe to repeat.

        A queue is bound only when it is old enough to survive a kill of its broker, and a probe
        message has passed through it. A queue that does not return the probe and was never bound
        is empty, so it is deleted and declared again.

        Args:
            remove: Also remove objects that are not declared, except queues in use.

        Raises:
            ConfigurationError: E_TOPOLOGY, an object has another type; nothing was done.
        """
        for thing in plan.of(ChangeKind.CONFLICT):
            name = getattr(thing, "name", "")
            raise ConfigurationError.of("E_TOPOLOGY", object=name, cause=term("other_type"))
        made = plan.of(ChangeKind.CREATE)
        # RabbitMQ 4.3 refuses topic permissions on an exchange that does not exist.
        await self._administration.declare_exchanges(t for t in made if isinstance(t, Exchange))
        # Before the queues, which take seconds: a suspended agency is disconnected at once.
        await self.apply_accounts(plan)
        await self._put_policies([*made, *plan.of(ChangeKind.CHANGE)])
        queues = [thing for thing in made if isinstance(thing, Queue)]
        await self._administration.declare_queues(queues, progress)
        clock = asyncio.get_running_loop().time
        declared_at = clock()
        bindings = [thing for thing in made if isinstance(thing, Binding)]
        names = tuple(dict.fromkeys(binding.queue for binding in bindings))
        silent = await self._administration.probe(names, progress)
        if silent:
            silent, declared_at = await self._make_anew(silent), clock()
        if queues or silent:
            await asyncio.sleep(declared_at + self._settling.total_seconds() - clock())
        heard = [binding for binding in bindings if binding.queue not in silent]
        await self._administration.bind(heard, progress)
        if remove:
            await self._remove(plan.of(ChangeKind.REMOVE))
        return Applied(
            opened=tuple(name for name in names if name not in silent), findings=_silent(silent)
        )

    async def apply_accounts(self, plan: Plan) -> None:
        """Carry out the part of a plan that concerns accounts.

        A connection keeps the permissions that it had when it began. So the connections of changed
        accounts are closed; they may connect again.
        """
        changed = [t for t in plan.of(ChangeKind.CHANGE) if isinstance(t, Account)]
        created = [t for t in plan.of(ChangeKind.CREATE) if isinstance(t, Account)]
        accounts = [*created, *changed]
        if not accounts:
            return
        if self._passwords is None:
            raise ValueError("accounts without passwords")
        kept = self._passwords
        passwords = await asyncio.to_thread(lambda: {a.name: kept.of(a.name) for a in accounts})
        await self._management.put_accounts(accounts, passwords)
        for account in changed:
            await self._management.close_connections(account.name)

    async def verify(
        self, wanted: Topology, *, probed: Collection[str] = ()
    ) -> tuple[Finding, ...]:
        """Check that the broker is as declared: types, bindings, policy in force, leaders, probes.

        A queue with messages or consumers is not probed, so that no user is disturbed.

        Args:
            probed: Queues that have just returned a probe.
        """
        found, queues = await self._read(wanted.accounts)
        findings = [
            Finding(
                defect=Defect.DIFFERENT,
                name=getattr(step.object, "name", ""),
                step=step,
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
        names = [queue.name for queue in there]
        return (
            *findings,
            *_silent(await self._administration.probe([n for n in names if n not in probed])),
        )

    async def _read(
        self, accounts: Sequence[Account] = ()
    ) -> tuple[Topology, dict[str, FoundQueue]]:
        """All objects that exist; accounts only if the topology has any."""
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
            accounts=await self._accounts(accounts),
        )
        return found, {queue.name: queue for queue in queues}

    async def _accounts(self, wanted: Sequence[Account]) -> tuple[Account, ...]:
        if not wanted or self._passwords is None:
            return ()
        kept = self._passwords
        known = await asyncio.to_thread(lambda: {a.name: kept.kept(a.name) for a in wanted})
        passwords = {name: password for name, password in known.items() if password is not None}
        return tuple(await self._management.accounts(passwords))

    async def _put_policies(self, things: Iterable[TopologyObject]) -> None:
        for thing in things:
            if isinstance(thing, Policy):
                await self._management.put_policy(
                    thing.name,
                    pattern=thing.pattern,
                    definition=thing.definition,
                    priority=thing.priority,
                )

    async def _make_anew(self, silent: Sequence[str]) -> tuple[str, ...]:
        """Declare queues again that were never bound. Returns those that still do not answer."""
        bound = {binding.destination for binding in await self._management.bindings()}
        spoilt = [Queue(name=name) for name in silent if name not in bound]
        await self._administration.declare_anew(spoilt)
        return await self._administration.probe(silent)

    async def _remove(self, things: Sequence[TopologyObject]) -> None:
        await self._administration.unbind([t for t in things if isinstance(t, Binding)])
        await self._administration.delete_idle([t for t in things if isinstance(t, Queue)])
        for thing in things:
            if isinstance(thing, Policy):
                await self._management.delete_policy(thing.name)
            if isinstance(thing, Account):
                await self._management.delete_account(thing.name)
                await self._management.close_connections(thing.name)


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
    """Policies that overrule ours: of higher priority, or an operator's with other values."""
    findings = []
    for queue in queues:
        ours, theirs = wanted.policy_of(queue.name), found.policy_of(queue.name)
        if ours is None:
            continue
        winners = [] if theirs is None or theirs.name == ours.name else [theirs]
        winners += [
            policy
            for policy in operator
            if policy.matches(queue.name)
            and any(ours.definition.get(k, v) != v for k, v in policy.definition.items())
        ]
        findings += [
            Finding(defect=Defect.OVERRULED, name=queue.name, policy=policy.name)
            for policy in winners
        ]
    return findings


def _silent(queues: Iterable[str]) -> tuple[Finding, ...]:
    return tuple(Finding(defect=Defect.SILENT, name=queue) for queue in queues)
