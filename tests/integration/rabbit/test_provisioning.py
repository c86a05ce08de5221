"""What an administrator can make of a virtual host, and what verification finds."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import aio_pika
import pytest
from yarl import URL

from bus.core.logins import accounts_for
from bus.core.message import WireMessage
from bus.core.plan import ChangeKind
from bus.core.topology import (
    DOCUMENTS,
    FAILURES,
    LEDGER,
    Account,
    Policy,
    account_of,
    desired,
    permissions_of,
    queue_of,
    queues_of,
    routing_key,
)
from bus.keys.passwords import PasswordFolder
from bus.ports import PublishOutcome
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.management import Management
from bus.rabbit.provisioning import Defect, Provisioning
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName
from schemas.problem import ConfigurationError
from tests.support.rabbit_bus import VirtualHost

HERE, THERE = MailboxName("H98"), MailboxName("G98.05")
DEADLINE = timedelta(seconds=10)


def a_message(sender: MailboxName = HERE, recipient: MailboxName = THERE) -> WireMessage:
    return WireMessage(
        exchange=DOCUMENTS,
        routing_key=routing_key(sender, recipient, Lane.STANDARD, EnvelopeKind.DOCUMENT),
        body=b"{}",
        type=EnvelopeKind.DOCUMENT,
        message_id=uuid4().hex,
    )


async def depths(vhost: VirtualHost) -> dict[str, int]:
    """Messages ready in each queue, as the queues themselves tell it."""
    async with (
        await aio_pika.connect(vhost.amqp_url) as connection,
        connection.channel() as channel,
    ):
        found = {}
        for queue in await vhost.management.queues():
            told = (await channel.get_queue(queue.name)).declaration_result
            found[queue.name] = told.message_count or 0
        return found


async def test_what_was_applied_is_verified_and_needs_no_second_apply(vhost: VirtualHost) -> None:
    wanted = desired([HERE, THERE], ledger=True)

    applied = await vhost.provision(wanted)

    assert set(applied.opened) == {queue.name for queue in wanted.queues}
    assert applied.findings == ()
    assert (await vhost.provisioning.plan(wanted)).steps == ()
    assert await vhost.provisioning.verify(wanted) == ()


async def test_probes_leave_nothing_behind(vhost: VirtualHost) -> None:
    wanted = desired([HERE], ledger=True)

    await vhost.provision(wanted)
    await vhost.provisioning.verify(wanted)

    assert set((await depths(vhost)).values()) == {0}


async def test_verification_does_not_touch_what_lies_in_a_queue(vhost: VirtualHost) -> None:
    wanted = desired([THERE], ledger=False)
    await vhost.provision(wanted)
    queue = queue_of(THERE, Lane.STANDARD)
    async with RabbitBroker(vhost.amqp_url, name="test") as broker:
        await broker.publish(a_message(), deadline=DEADLINE)

    assert await vhost.provisioning.verify(wanted) == ()

    async with (
        await aio_pika.connect(vhost.amqp_url) as connection,
        connection.channel() as channel,
    ):
        message = await (await channel.get_queue(queue)).get()
        assert message.type == EnvelopeKind.DOCUMENT
        assert not message.redelivered
    assert (await depths(vhost))[queue] == 1


async def test_everything_missing_is_found(vhost: VirtualHost) -> None:
    wanted = desired([HERE], ledger=False)

    found = await vhost.provisioning.verify(wanted)

    missing = {finding.name for finding in found if finding.defect is Defect.DIFFERENT}
    assert missing >= {DOCUMENTS, FAILURES, *queues_of(HERE)}


async def test_an_object_of_another_type_stops_everything(vhost: VirtualHost) -> None:
    async with (
        await aio_pika.connect(vhost.amqp_url) as connection,
        connection.channel() as channel,
    ):
        await channel.declare_queue(FAILURES, durable=True)
    wanted = desired([HERE], ledger=False)

    with pytest.raises(ConfigurationError, match=FAILURES) as refused:
        await vhost.provision(wanted)

    assert refused.value.problem.code == "E_TOPOLOGY"
    assert [queue.name for queue in await vhost.management.queues()] == [FAILURES]


async def test_a_mailbox_too_many_goes_only_when_asked_and_never_with_messages(
    vhost: VirtualHost,
) -> None:
    await vhost.provision(desired([HERE, THERE], ledger=True))
    async with RabbitBroker(vhost.amqp_url, name="test") as broker:
        await broker.publish(a_message(), deadline=DEADLINE)
    wanted = desired([HERE], ledger=True)

    plan = await vhost.provisioning.plan(wanted)
    await vhost.provisioning.apply(plan)
    kept = await depths(vhost)
    await vhost.provisioning.apply(plan, remove=True)
    left = await depths(vhost)

    assert set(queues_of(THERE)) <= set(kept)
    assert set(queues_of(THERE)) & set(left) == {queue_of(THERE, Lane.STANDARD)}
    assert left[LEDGER] == 1


async def test_a_changed_limit_is_changed_in_place(vhost: VirtualHost) -> None:
    await vhost.provision(desired([HERE], ledger=False))
    wanted = desired([HERE], ledger=False, max_queue_bytes=1_000_000)

    plan = await vhost.provisioning.plan(wanted)
    await vhost.provisioning.apply(plan)

    assert {step.change for step in plan.steps} == {ChangeKind.CHANGE}
    assert await vhost.provisioning.verify(wanted) == ()


async def test_a_policy_that_wins_over_ours_is_found(vhost: VirtualHost) -> None:
    wanted = desired([HERE], ledger=False)
    await vhost.provision(wanted)

    await vhost.management.put_policy(
        "greedy", pattern="^mailbox", definition={"max-length": 1}, priority=9
    )
    found = await vhost.provisioning.verify(wanted)

    assert {finding.name for finding in found} == set(queues_of(HERE))
    assert {finding.defect for finding in found} == {Defect.OVERRULED}
    assert "greedy" in found[0].sentence()


async def test_a_full_ledger_stops_no_publisher(vhost: VirtualHost) -> None:
    """Its queue has no `reject-publish`: with a limit set by hand, it drops and others go on."""
    await vhost.provision(desired([HERE, THERE], ledger=True))
    await vhost.management.put_policy(
        "tiny", pattern=f"^{LEDGER}$", definition={"max-length": 1}, priority=9
    )

    async with RabbitBroker(vhost.amqp_url, name="test") as broker:
        outcomes = [await broker.publish(a_message(), deadline=DEADLINE) for _ in range(20)]

    assert set(outcomes) == {PublishOutcome.CONFIRMED}
    there = await depths(vhost)
    assert there[LEDGER] < there[queue_of(THERE, Lane.STANDARD)] == 20


async def test_progress_is_told_to_the_end(vhost: VirtualHost) -> None:
    told: dict[str, tuple[int, int]] = {}
    plan = await vhost.provisioning.plan(desired([HERE], ledger=False))

    await vhost.provisioning.apply(
        plan, progress=lambda what, done, total: told.update({what: (done, total)})
    )

    assert told == {"queues": (3, 3), "probes": (3, 3), "bindings": (5, 5)}


async def test_an_agency_account_speaks_for_itself_and_reads_its_own_queues_only(
    vhost: VirtualHost,
) -> None:
    await vhost.provision(desired([HERE, THERE], ledger=False))
    account = f"{account_of(HERE)}.{vhost.name}"
    one = Account(name=account, permissions=permissions_of(HERE))
    await vhost.management.put_accounts([one], {account: "secret"})
    refused = [
        a_message(sender=THERE, recipient=HERE),
        replace(a_message(), exchange="redelivery"),
        replace(a_message(), exchange="", routing_key=queue_of(THERE, Lane.STANDARD)),
        replace(a_message(), exchange=FAILURES, routing_key="G98-05.ours"),
    ]
    async with RabbitBroker(vhost.url_of(account, "secret"), name="test") as broker:
        outcomes = [
            await broker.publish(message, deadline=DEADLINE) for message in (a_message(), *refused)
        ]
        after = await broker.publish(a_message(), deadline=DEADLINE)
    async with await aio_pika.connect(vhost.url_of(account, "secret")) as connection:
        for queue in (*queues_of(THERE), FAILURES):
            with pytest.raises(aio_pika.exceptions.ChannelClosed):
                await (await (await connection.channel()).get_queue(queue, ensure=False)).get()
        with pytest.raises(aio_pika.exceptions.ChannelClosed):
            await (await connection.channel()).declare_queue("mine", durable=True)
        own = await (await connection.channel()).get_queue(queues_of(HERE)[0], ensure=False)
        assert await own.get(fail=False) is None
    await vhost.management.delete_account(account)

    assert outcomes == [PublishOutcome.CONFIRMED, *[PublishOutcome.UNKNOWN] * len(refused)]
    assert after is PublishOutcome.CONFIRMED
    assert (await depths(vhost))[queue_of(THERE, Lane.STANDARD)] == 2


async def test_policies_of_others_are_left_alone(vhost: VirtualHost) -> None:
    theirs = Policy(name="theirs", pattern="^other", definition={"max-length": 5})
    await vhost.management.put_policy(
        theirs.name, pattern=theirs.pattern, definition=theirs.definition, priority=0
    )

    await vhost.provision(desired([HERE], ledger=False))

    assert theirs in (await vhost.provisioning.read()).policies


async def test_an_account_that_the_broker_refuses_is_a_wrong_setting(vhost: VirtualHost) -> None:
    """Waiting would not help: it is told as the operator's, by both of the broker's doors."""
    url = str(URL(vhost.amqp_url).with_password("wrong"))
    wrong = Provisioning(url, vhost.management)
    with pytest.raises(ConfigurationError, match="E_BROKER_LOGIN"):
        await wrong.apply(await wrong.plan(desired((HERE,), ledger=False)))

    async with Management(str(URL(vhost.management_url).with_password("wrong"))) as management:
        with pytest.raises(ConfigurationError, match="E_BROKER_LOGIN"):
            await management.queues()


async def test_a_request_that_the_broker_refuses_is_not_told_as_a_broker_that_is_away(
    vhost: VirtualHost,
) -> None:
    with pytest.raises(ConfigurationError, match="E_BROKER_REQUEST"):
        await vhost.management.put_policy("bad", pattern="(", definition={}, priority=0)


async def test_the_topic_rights_that_went_with_a_deleted_exchange_come_back(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """RabbitMQ 4.3 deletes them with the exchange; older versions keep them."""
    wanted = replace(desired((HERE,), ledger=False), accounts=accounts_for((HERE,)))
    provisioning = Provisioning(
        vhost.amqp_url, vhost.management, passwords=PasswordFolder(tmp_path / "accounts")
    )
    await provisioning.apply(await provisioning.plan(wanted))
    async with await aio_pika.connect(vhost.amqp_url) as connection:
        await (await connection.channel()).exchange_delete(DOCUMENTS)

    missing = await provisioning.verify(wanted)
    await provisioning.apply(await provisioning.plan(wanted))

    assert DOCUMENTS in {finding.name for finding in missing}
    assert not await provisioning.verify(wanted)
