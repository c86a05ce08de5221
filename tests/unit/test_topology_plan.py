"""What has to be done so that the broker holds what is wanted, and in which order."""

from dataclasses import replace
from typing import Any, TypeVar

import pytest

from bus.core.logins import accounts_for, is_shut_out
from bus.core.plan import ChangeKind, Plan, PlanStep, describe, difference
from bus.core.topology import (
    DOCUMENTS,
    FAILURES,
    LEDGER,
    Account,
    Binding,
    Exchange,
    Policy,
    Queue,
    Topology,
    account_of,
    desired,
    queues_of,
)
from schemas.identifiers import MailboxName
from schemas.problem import Language

PROVINCE, OFFICE = MailboxName("H24"), MailboxName("H24.05")


def all_of(*mailboxes: MailboxName, ledger: bool = True) -> Topology:
    """What an axis wants, accounts included."""
    return replace(desired(mailboxes, ledger=ledger), accounts=accounts_for(mailboxes))


Named = TypeVar("Named", Policy, Account)

WANTED = all_of(PROVINCE, OFFICE)


def put(thing: Named, among: list[Named], change: ChangeKind) -> list[Named]:
    """What has a name of its own is replaced, or goes."""
    others: list[Named] = [other for other in among if other.name != thing.name]
    if change is not ChangeKind.REMOVE:
        others.append(thing)
    return others


def carried_out(plan: Plan, found: Topology) -> Topology:
    """The broker after creating, changing and removing as the plan says, in its order."""
    exchanges, queues = list(found.exchanges), list(found.queues)
    bindings, policies = list(found.bindings), list(found.policies)
    accounts = list(found.accounts)
    for step in plan.steps:
        match step.object:
            case Exchange() as exchange:
                exchanges.append(exchange)
            case Queue() as queue if step.change is ChangeKind.REMOVE:
                queues.remove(queue)
                bindings = [b for b in bindings if b.queue != queue.name]
            case Queue() as queue:
                queues.append(queue)
            case Binding() as binding if step.change is ChangeKind.REMOVE:
                bindings.remove(binding)
            case Binding() as binding:
                assert binding.exchange in {exchange.name for exchange in exchanges}
                assert binding.queue in {queue.name for queue in queues}
                bindings.append(binding)
            case Policy() as policy:
                policies = put(policy, policies, step.change)
            case Account() as account:
                accounts = put(account, accounts, step.change)
    return Topology(
        exchanges=tuple(exchanges),
        queues=tuple(queues),
        bindings=tuple(bindings),
        policies=tuple(policies),
        accounts=tuple(accounts),
    )


def test_nothing_is_to_be_done_where_all_is_as_wanted_in_whatever_order() -> None:
    found = Topology(
        exchanges=WANTED.exchanges[::-1],
        queues=WANTED.queues[::-1],
        bindings=WANTED.bindings[::-1],
        policies=WANTED.policies[::-1],
        accounts=WANTED.accounts[::-1],
    )

    assert difference(WANTED, found) == Plan(steps=())


def test_an_empty_broker_gets_everything() -> None:
    plan = difference(WANTED, Topology())

    assert {step.change for step in plan.steps} == {ChangeKind.CREATE}
    assert carried_out(plan, Topology()) == WANTED


def test_a_queue_is_born_under_its_policy() -> None:
    objects = [step.object for step in difference(WANTED, Topology()).steps]

    last_policy = max(i for i, each in enumerate(objects) if isinstance(each, Policy))
    first_queue = min(i for i, each in enumerate(objects) if isinstance(each, Queue))

    assert last_policy < first_queue


def test_a_half_finished_plan_is_finished_by_the_next() -> None:
    steps = difference(WANTED, Topology()).steps
    for number in range(len(steps)):
        found = carried_out(Plan(steps=steps[:number]), Topology())

        assert carried_out(difference(WANTED, found), found) == WANTED


def test_a_changed_policy_is_changed_and_nothing_else() -> None:
    policy = WANTED.policies[0]
    altered = replace(policy, definition={**policy.definition, "delivery-limit": 3})
    found = replace(WANTED, policies=(altered, *WANTED.policies[1:]))

    assert difference(WANTED, found).steps == (PlanStep(change=ChangeKind.CHANGE, object=policy),)


def test_an_object_of_another_type_is_a_conflict() -> None:
    queue, exchange = WANTED.queues[0], WANTED.exchanges[0]
    found = replace(
        WANTED,
        queues=(replace(queue, kind="classic"), *WANTED.queues[1:]),
        exchanges=(replace(exchange, kind="direct"), *WANTED.exchanges[1:]),
    )

    plan = difference(WANTED, found)

    assert plan.of(ChangeKind.CONFLICT) == (exchange, queue)
    assert len(plan.steps) == 2


def test_a_mailbox_that_left_the_directory_is_told_with_its_queues_and_account_only() -> None:
    plan = difference(all_of(PROVINCE), WANTED)

    removed = plan.of(ChangeKind.REMOVE)

    assert {q.name for q in removed if isinstance(q, Queue)} == set(queues_of(OFFICE))
    # The ledger stays, so that its own binding to the mailbox is told of.
    assert [b.queue for b in removed if isinstance(b, Binding)] == [LEDGER]
    assert [a.name for a in removed if isinstance(a, Account)] == [account_of(OFFICE)]
    assert len(removed) == len(plan.steps) == 4


def test_a_ledger_without_a_reader_is_told_with_its_policy() -> None:
    wanted = all_of(PROVINCE, OFFICE, ledger=False)

    plan = difference(wanted, WANTED)

    assert plan.of(ChangeKind.REMOVE) == (Queue(name=LEDGER), WANTED.policies[-1])
    assert carried_out(plan, WANTED) == wanted


def test_a_stray_binding_on_our_exchanges_is_told() -> None:
    stray = Binding(exchange=DOCUMENTS, queue=FAILURES, pattern="#")
    found = replace(WANTED, bindings=(*WANTED.bindings, stray))

    assert difference(WANTED, found).steps == (PlanStep(change=ChangeKind.REMOVE, object=stray),)


@pytest.mark.parametrize(
    "more",
    [
        {"read": ".*"},
        {"write": ".*"},
        {"configure": ".*"},
        {"topics": {}},
        {"max_connections": 1000},
    ],
)
def test_an_account_with_other_rights_is_changed(more: dict[str, Any]) -> None:
    account = WANTED.accounts[-1]
    found = replace(account, permissions=replace(account.permissions, **more))

    plan = difference(WANTED, replace(WANTED, accounts=(*WANTED.accounts[:-1], found)))

    assert plan.steps == (PlanStep(change=ChangeKind.CHANGE, object=account),)


@pytest.mark.parametrize(
    "more", [{"tags": frozenset({"administrator"})}, {"current": False}], ids=["tag", "password"]
)
def test_an_account_with_a_tag_or_another_password_is_changed(more: dict[str, Any]) -> None:
    account = WANTED.accounts[-1]

    found = (*WANTED.accounts[:-1], replace(account, **more))

    assert difference(WANTED, replace(WANTED, accounts=found)).of(ChangeKind.CHANGE) == (account,)


def test_a_suspended_agency_keeps_its_mailbox_and_loses_every_right() -> None:
    suspended = replace(
        WANTED, accounts=accounts_for([PROVINCE, OFFICE], suspended=frozenset({OFFICE}))
    )

    (step,) = difference(suspended, WANTED).steps

    assert step.change is ChangeKind.CHANGE
    assert isinstance(step.object, Account)
    assert step.object.name == account_of(OFFICE)
    assert is_shut_out(step.object)


def test_what_is_not_ours_is_not_mentioned() -> None:
    found = Topology(
        exchanges=(*WANTED.exchanges, Exchange(name="amq.topic"), Exchange(name="theirs")),
        queues=(*WANTED.queues, Queue(name="theirs", kind="classic")),
        bindings=(
            *WANTED.bindings,
            Binding(exchange="", queue=FAILURES, pattern=FAILURES),
            Binding(exchange="theirs", queue="theirs", pattern="#"),
        ),
        policies=(*WANTED.policies, Policy(name="theirs", pattern="^theirs", definition={})),
        accounts=(*WANTED.accounts, replace(WANTED.accounts[0], name="theirs")),
    )

    assert difference(WANTED, found) == Plan(steps=())


def test_a_step_is_a_sentence_in_both_languages() -> None:
    queue = Queue(name="mailbox.H24.express")
    step = PlanStep(change=ChangeKind.CONFLICT, object=queue)

    assert step.sentence() == (
        "Queue mailbox.H24.express exists with another type; delete it by hand, then apply again."
    )
    assert step.sentence(Language.VIETNAMESE) == (
        "Hàng đợi mailbox.H24.express đã có nhưng khác loại; hãy tự xóa rồi áp dụng lại."
    )


def test_every_kind_of_object_has_words() -> None:
    binding = Binding(exchange=DOCUMENTS, queue=LEDGER, pattern="*.H24.#")

    assert describe(Exchange(name=DOCUMENTS)) == "exchange documents"
    assert describe(binding) == "binding *.H24.# from documents to ledger"
    assert describe(WANTED.policies[0]) == f"policy {WANTED.policies[0].name}"
