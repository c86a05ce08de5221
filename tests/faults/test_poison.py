"""A delivery that kills whoever touches it: it is parked, and its neighbours are delivered."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bus.core.failure import FailureClass, Stage
from bus.ports import PublishOutcome
from bus.rabbit.broker import RabbitBroker
from schemas.document import Organization
from tests.envelopes import RECIPIENT, SENDER, a_document, a_recipient, an_envelope
from tests.faults.axis import DEADLINE, THIRD, Site, eventually, failures_of, found_site
from tests.faults.crashes import POISON, CrashPoint
from tests.faults.worker import Errand, worker_of
from tests.rabbit_bus import VirtualHost

LIMIT = 4
NEIGHBOURS = [str(number) for number in range(30) if str(number) != POISON]
OTHERS = [str(number) for number in range(100, 130)]


async def put_into_mailbox(site: Site, to: str, numbers: Sequence[str]) -> None:
    """Publish documents, in order, before anybody is at work."""
    async with RabbitBroker(site.amqp_url, name="test", impersonates=True) as broker:
        for number in numbers:
            document = a_document(
                number=number,
                notation="VB",
                document_id=f"{SENDER},2026/03/12,{number}/VB",
                from_agency=Organization(organ_id=SENDER),
                to_agencies=(Organization(organ_id=to),),
            )
            envelope = an_envelope(document).model_copy(update={"recipients": (a_recipient(to),)})
            message = replace(site.signed(envelope, to=to), message_id=number)
            assert await broker.publish(message, deadline=DEADLINE) is PublishOutcome.CONFIRMED


async def supervise(errand: Errand, until: Callable[[], bool]) -> int:
    """Start a worker again whenever it dies; how often it did."""
    crashes = 0
    while True:
        async with worker_of(errand) as worker:
            process = worker.process
            await eventually(lambda: process.returncode is not None or until())  # noqa: B023
            if process.returncode is None:
                return crashes
            assert await worker.ended() == -signal.SIGKILL
            crashes += 1


async def test_a_poison_document_is_parked_by_the_broker_and_its_neighbours_are_delivered_once(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 12: in its lane it alone meets the delivery-limit; other mailboxes go on as well."""
    site = await found_site(
        vhost,
        tmp_path,
        codes=(SENDER, RECIPIENT, THIRD),
        delivery_limit=LIMIT,
        prefetch=16,
    )
    folders = site.folders
    in_order = sorted([*NEIGHBOURS, POISON], key=int)
    await put_into_mailbox(site, RECIPIENT, in_order)
    await put_into_mailbox(site, THIRD, OTHERS)

    async with failures_of(site) as failures:
        crashes = await supervise(
            Errand(site=site, crash=CrashPoint.POISON),
            lambda: (
                bool(failures.messages)
                and len(folders.documents(RECIPIENT)) >= len(NEIGHBOURS)
                and len(folders.documents(THIRD)) >= len(OTHERS)
            ),
        )

        [failed] = [a for a in failures.attempts if str(a.failure.mailbox) == RECIPIENT]
        assert failed.failure.failure_class is FailureClass.DELIVERY_LIMIT
        assert failed.failure.stage is Stage.MAILBOX
        assert failed.failure.problem.code == "E_DELIVERY_LIMIT"
        assert failed.failure.fingerprint
        assert failed.number == f"{POISON}/VB"
        assert crashes <= LIMIT + 1
        assert sorted(folders.numbers(RECIPIENT), key=int) == NEIGHBOURS
        assert sorted(folders.numbers(THIRD), key=int) == OTHERS
