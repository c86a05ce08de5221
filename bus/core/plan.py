"""Plan: the difference between the topology wanted and the one found, told in sentences.

Carrying it out is left to `bus.rabbit.provisioning`.
"""

from dataclasses import dataclass
from enum import StrEnum

from bus.core.topology import (
    LEDGER,
    Account,
    Binding,
    Exchange,
    Policy,
    Queue,
    Topology,
    is_agency_account,
    is_mailbox_queue,
    is_our_policy,
)
from schemas.problem import Language

TopologyObject = Exchange | Queue | Binding | Policy | Account


class Change(StrEnum):
    """What is to be done with an object.

    `CONFLICT`: it exists with another type, which no broker can change in place.
    """

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    CONFLICT = "conflict"


_SENTENCES = {
    Change.CREATE: ("{object} is missing and will be created.", "Thiếu {object}, sẽ được tạo."),
    Change.CHANGE: (
        "{object} differs and will be changed.",
        "{object} khác khai báo, sẽ được sửa.",
    ),
    Change.REMOVE: (
        "{object} is not declared; it goes only when removal is asked for.",
        "{object} không có trong khai báo; chỉ xóa khi được yêu cầu rõ.",
    ),
    Change.CONFLICT: (
        "{object} exists with another type; delete it by hand, then apply again.",
        "{object} đã có nhưng khác loại; hãy tự xóa rồi áp dụng lại.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One object that is not as wanted."""

    change: Change
    object: TopologyObject

    def sentence(self, language: Language = Language.ENGLISH) -> str:
        """The step, for people."""
        english, vietnamese = _SENTENCES[self.change]
        template = english if language is Language.ENGLISH else vietnamese
        told = template.format(object=describe(self.object, language))
        return told[0].upper() + told[1:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All steps, in the order in which they can be carried out."""

    steps: tuple[Step, ...]

    def of(self, change: Change) -> tuple[TopologyObject, ...]:
        """The objects of one kind of change."""
        return tuple(step.object for step in self.steps if step.change is change)


def difference(wanted: Topology, found: Topology) -> Plan:
    """What to do so that the broker holds what is wanted.

    Exchanges come first, then policies, so that a queue is born under its policy. Objects that
    are none of ours are not mentioned. Nothing that is found is ever removed by a plan alone.
    """
    return Plan(
        steps=(
            *_typed(wanted.exchanges, found.exchanges),
            *_policies(wanted.policies, found.policies),
            *_typed(wanted.queues, found.queues),
            *_missing_bindings(wanted, found),
            *_accounts(wanted.accounts, found.accounts),
            *_surplus(wanted, found),
        )
    )


def describe(thing: TopologyObject, language: Language = Language.ENGLISH) -> str:
    """An object in words."""
    english = language is Language.ENGLISH
    match thing:
        case Exchange(name=name):
            return f"exchange {name}"
        case Queue(name=name):
            return f"queue {name}" if english else f"hàng đợi {name}"
        case Policy(name=name):
            return f"policy {name}" if english else f"chính sách {name}"
        case Account(name=name):
            return f"account {name}" if english else f"tài khoản {name}"
        case Binding(exchange=exchange, queue=queue, pattern=pattern):
            if english:
                return f"binding {pattern} from {exchange} to {queue}"
            return f"liên kết {pattern} từ {exchange} tới {queue}"


def _typed(
    wanted: tuple[Exchange, ...] | tuple[Queue, ...],
    found: tuple[Exchange, ...] | tuple[Queue, ...],
) -> list[Step]:
    kinds = {thing.name: thing.kind for thing in found}
    steps = []
    for thing in wanted:
        if thing.name not in kinds:
            steps.append(Step(change=Change.CREATE, object=thing))
        elif kinds[thing.name] != thing.kind:
            steps.append(Step(change=Change.CONFLICT, object=thing))
    return steps


def _policies(wanted: tuple[Policy, ...], found: tuple[Policy, ...]) -> list[Step]:
    known = {policy.name: policy for policy in found}
    steps = []
    for policy in wanted:
        if policy.name not in known:
            steps.append(Step(change=Change.CREATE, object=policy))
        elif known[policy.name] != policy:
            steps.append(Step(change=Change.CHANGE, object=policy))
    return steps


def _accounts(wanted: tuple[Account, ...], found: tuple[Account, ...]) -> list[Step]:
    known = {account.name: account for account in found}
    steps = []
    for account in wanted:
        if account.name not in known:
            steps.append(Step(change=Change.CREATE, object=account))
        elif not known[account.name].is_as(account):
            steps.append(Step(change=Change.CHANGE, object=account))
    return steps


def _missing_bindings(wanted: Topology, found: Topology) -> list[Step]:
    known = set(found.bindings)
    return [Step(change=Change.CREATE, object=b) for b in wanted.bindings if b not in known]


def _surplus(wanted: Topology, found: Topology) -> list[Step]:
    names = {queue.name for queue in wanted.queues}
    queues = [
        queue
        for queue in found.queues
        if queue.name not in names and (is_mailbox_queue(queue.name) or queue.name == LEDGER)
    ]
    exchanges = {exchange.name for exchange in wanted.exchanges}
    going = {queue.name for queue in queues}
    bindings = [
        binding
        for binding in set(found.bindings) - set(wanted.bindings)
        # The bindings of a queue go with it.
        if binding.exchange in exchanges and binding.queue not in going
    ]
    ours = {policy.name for policy in wanted.policies}
    policies = [p for p in found.policies if is_our_policy(p.name) and p.name not in ours]
    bindings.sort(key=lambda binding: (binding.exchange, binding.queue, binding.pattern))
    accounts = {account.name for account in wanted.accounts}
    strangers = [a for a in found.accounts if is_agency_account(a.name) and a.name not in accounts]
    things: tuple[TopologyObject, ...] = (*bindings, *queues, *policies, *strangers)
    return [Step(change=Change.REMOVE, object=thing) for thing in things]
