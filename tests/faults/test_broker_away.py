"""A broker that is killed, blocked, or has lost a queue, seen from the agencies' folders."""

import time
from datetime import timedelta
from pathlib import Path

import aio_pika
from yarl import URL

from bus.core.events import SubmissionRefused, WorkStalled
from bus.core.topology import desired, queue_of
from bus.ports import BrokerHealth
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.node import PrivateNode
from bus.rabbit.provisioning import SETTLING
from schemas.codes import Lane
from schemas.identifiers import MailboxName
from tests.faults.axis import Site, agencies_at, eventually, failures_of, found_site
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.mortal import host_on, kill_and_start_again, memory_alarm
from tests.support.rabbit_bus import VirtualHost

MAILBOX = queue_of(MailboxName(RECIPIENT), Lane.STANDARD)


def drop_letters(site: Site, numbers: range) -> None:
    """Documents in both directions."""
    for number in numbers:
        for sender, to in ((SENDER, RECIPIENT), (RECIPIENT, SENDER)):
            letter = site.letter(str(number), sender=sender, to=to)
            site.folders.drop(sender, f"{number:03}.edxml", letter)


async def all_answered(site: Site, documents: int) -> None:
    """Each side has every document of the other, and the receipt for each of its own."""
    for code in (SENDER, RECIPIENT):
        await eventually(lambda: len(site.folders.statuses(code)) >= documents)  # noqa: B023
        await eventually(lambda: len(site.folders.documents(code)) >= documents)  # noqa: B023
        assert len(site.folders.statuses(code)) == documents
        assert sorted(site.folders.numbers(code), key=int) == [str(n) for n in range(documents)]
        assert len(site.folders.sent(code)) == documents


async def test_killed_in_mid_traffic_and_restarted_it_costs_no_document_and_doubles_none(
    mortal: PrivateNode, tmp_path: Path
) -> None:
    """Bad day 1: each document is handed over once and has its receipt; nobody is told to retry."""
    async with host_on(mortal, settling=SETTLING) as host:
        site = await found_site(host, tmp_path)
        async with agencies_at(site) as agencies, failures_of(site) as failures:
            async with agencies.at_work():
                drop_letters(site, range(40))
                await eventually(lambda: len(site.folders.documents(RECIPIENT)) >= 5)
                await kill_and_start_again(mortal)
                assert len(site.folders.statuses(SENDER)) < 40
                await all_answered(site, 40)

    assert failures.messages == []


async def test_during_an_alarm_documents_wait_and_after_it_each_is_delivered_once(
    mortal: PrivateNode, tmp_path: Path
) -> None:
    """Bad day 6: publishes are unknown meanwhile; what was delivered twice is absorbed."""
    async with host_on(mortal) as host:
        site = await found_site(host, tmp_path, publish_deadline=timedelta(seconds=1))
        async with agencies_at(site) as agencies, failures_of(site) as failures:
            async with agencies.at_work():
                async with memory_alarm(mortal):
                    drop_letters(site, range(8))
                    await eventually(lambda: len(agencies.of_type(WorkStalled)) >= 6)
                    assert agencies.parts.broker.health is BrokerHealth.BLOCKED
                    assert site.folders.documents(RECIPIENT) == []
                    assert len(site.folders.outbox(SENDER)) == 8
                await all_answered(site, 8)

    assert {event.problem.code for event in agencies.of_type(WorkStalled)} == {"E_PUBLISH_UNKNOWN"}
    assert failures.messages == []


async def test_a_mailbox_that_is_deleted_refuses_its_senders_and_comes_back_when_provisioned(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 8: the sender hears at once; the recipient's worker takes the new queue by itself."""
    site = await found_site(vhost, tmp_path)
    folders = site.folders
    async with agencies_at(site) as agencies, failures_of(site) as failures:
        async with agencies.at_work():
            folders.drop(SENDER, "1.edxml", site.letter("1"))
            await eventually(lambda: folders.statuses(SENDER))

            await delete_queue(site, MAILBOX)
            folders.drop(SENDER, "2.edxml", site.letter("2"))
            await eventually(lambda: "2.edxml.error.json" in folders.refused(SENDER))
            await vhost.provision(desired(site.routing.mailboxes, ledger=False))
            folders.drop(SENDER, "3.edxml", site.letter("3"))
            await eventually(lambda: len(folders.statuses(SENDER)) == 2)

    [refused] = agencies.of_type(SubmissionRefused)
    assert [problem.code for problem in refused.problems] == ["E_UNROUTABLE"]
    assert folders.numbers(RECIPIENT) == ["1", "3"]
    assert "2.edxml" in folders.refused(SENDER)
    assert failures.messages == []


async def test_an_unknown_recipient_is_refused_without_touching_the_broker(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 8: in a file of its own, and beside a known one who gets the document."""
    site = await found_site(vhost, tmp_path)
    folders = site.folders
    async with agencies_at(site) as agencies, agencies.at_work():
        folders.drop(SENDER, "1.edxml", site.letter("1", to="Z99"))
        await eventually(lambda: "1.edxml.error.json" in folders.refused(SENDER))

    [refused] = agencies.of_type(SubmissionRefused)
    assert [problem.code for problem in refused.problems] == ["E_UNKNOWN_RECEIVER"]
    assert folders.sent(SENDER) == []


async def test_connections_that_died_while_the_loop_was_blocked_come_back(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 20: blocked for longer than the broker waits for a heartbeat."""
    url = str(URL(vhost.amqp_url).update_query(heartbeat=1))
    site = await found_site(vhost, tmp_path, amqp_url=url)
    async with agencies_at(site) as agencies, failures_of(site) as failures:
        broker = agencies.parts.broker
        assert isinstance(broker, RabbitBroker)
        before = {broker._inward.connection, broker._outward.connection}
        async with agencies.at_work():
            drop_letters(site, range(20))
            await eventually(lambda: site.folders.documents(RECIPIENT))
            time.sleep(5)  # noqa: ASYNC251 (the fault itself)
            await all_answered(site, 20)
        after = {broker._inward.connection, broker._outward.connection}

    assert not before & after
    assert failures.messages == []


async def delete_queue(site: Site, queue: str) -> None:
    """Delete a queue, consumers or not."""
    async with await aio_pika.connect(site.amqp_url) as connection:
        channel = await connection.channel()
        await channel.queue_delete(queue)
