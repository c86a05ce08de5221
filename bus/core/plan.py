"""The difference between the wanted topology and the one on the broker, with a sentence for each.

`bus.rabbit.provisioning` carries it out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import eq
from typing import TypeVar

from bus.core.topology import (
    AGENCY_ACCOUNTS,
    LEDGER,
    MAILBOX_QUEUES,
    POLICIES,
    Account,
    Binding,
    Exchange,
    Policy,
    Queue,
    Topology,
)
from schemas.language import Language, texts

TopologyObject = Exchange | Queue | Binding | Policy | Account
Named = TypeVar("Named", Exchange, Queue, Policy, Account)


class ChangeKind(StrEnum):
    """What must be done with an object.

    `CONFLICT`: it exists with another type, which RabbitMQ cannot change.
    """

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    CONFLICT = "conflict"


_SENTENCES = texts(
    """
    create | {object} is missing and will be created. | Thiếu {object}, sẽ được tạo.
    change | {object} differs and will be changed. | {object} khác khai báo, sẽ được sửa.
    remove | {object} is not declared; it is removed only on request.
        | {object} không có trong khai báo; chỉ xóa khi được yêu cầu rõ.
    conflict | {object} exists with another type; delete it by hand, then apply again.
        | {object} đã có nhưng khác loại; hãy tự xóa rồi áp dụng lại.
    """
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanStep:
    """An object that differs from the wanted one."""

    change: ChangeKind
    object: TopologyObject

    def sentence(self, language: Language = Language.ENGLISH) -> str:
        """The step in one sentence."""
        template = language.choose(*_SENTENCES[self.change])
        told = template.format(object=describe(self.object, language))
        return told[0].upper() + told[1:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All steps, in the order in which they can be carried out."""

    steps: tuple[PlanStep, ...]

    def of(self, change: ChangeKind) -> tuple[TopologyObject, ...]:
        """The objects of one kind of change."""
        return tuple(step.object for step in self.steps if step.change is change)


def difference(wanted: Topology, found: Topology) -> Plan:
    """The steps that make the broker have the wanted topology.

    Policies come before queues, so that a new queue has its policy from the beginning. Objects of
    other software are ignored. Nothing is removed unless the operator also asks for that.
    """
    known = set(found.bindings)
    missing = [binding for binding in wanted.bindings if binding not in known]
    return Plan(
        steps=(
            *_compared(wanted.exchanges, found.exchanges, _has_type, ChangeKind.CONFLICT),
            *_compared(wanted.policies, found.policies, eq, ChangeKind.CHANGE),
            *_compared(wanted.queues, found.queues, _has_type, ChangeKind.CONFLICT),
            *(PlanStep(change=ChangeKind.CREATE, object=binding) for binding in missing),
            *_compared(wanted.accounts, found.accounts, Account.is_as, ChangeKind.CHANGE),
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


def _compared(
    wanted: Sequence[Named],
    found: Sequence[Named],
    is_as_wanted: Callable[[Named, Named], bool],
    otherwise: ChangeKind,
) -> list[PlanStep]:
    """The steps for objects with names; `otherwise`: for one that exists, but is not as wanted."""
    known = {thing.name: thing for thing in found}
    return [
        PlanStep(change=otherwise if thing.name in known else ChangeKind.CREATE, object=thing)
        for thing in wanted
        if thing.name not in known or not is_as_wanted(known[thing.name], thing)
    ]


def _has_type(found: Exchange | Queue, wanted: Exchange | Queue) -> bool:
    return found.kind == wanted.kind


def _surplus(wanted: Topology, found: Topology) -> list[PlanStep]:
    names = {queue.name for queue in wanted.queues}
    queues = [
        queue
        for queue in found.queues
        if queue.name not in names
        and (queue.name.startswith(MAILBOX_QUEUES) or queue.name == LEDGER)
    ]
    exchanges = {exchange.name for exchange in wanted.exchanges}
    going = {queue.name for queue in queues}
    bindings = [
        binding
        for binding in set(found.bindings) - set(wanted.bindings)
        # RabbitMQ deletes the bindings of a queue with the queue.
        if binding.exchange in exchanges and binding.queue not in going
    ]
    ours = {policy.name for policy in wanted.policies}
    policies = [p for p in found.policies if p.name.startswith(POLICIES) and p.name not in ours]
    bindings.sort(key=lambda binding: (binding.exchange, binding.queue, binding.pattern))
    accounts = {account.name for account in wanted.accounts}
    strangers = [
        a for a in found.accounts if a.name.startswith(AGENCY_ACCOUNTS) and a.name not in accounts
    ]
    things: tuple[TopologyObject, ...] = (*bindings, *queues, *policies, *strangers)
    return [PlanStep(change=ChangeKind.REMOVE, object=thing) for thing in things]
