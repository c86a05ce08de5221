"""A delivery that kills whoever touches it: it is parked, and its neighbours are delivered."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bus.core.failure import Stage
from bus.ports import PublishOutcome
from bus.rabbit.broker import RabbitBroker
from bus.services.crash_guard import MOST_CRASHES
from schemas.document import Organization
from schemas.errors import FailureClass
from tests.faults.axis import DEADLINE, THIRD, Site, eventually, failures_of, found_site
from tests.faults.crashes import POISON, CrashPoint
from tests.faults.worker import Errand, worker_of
from tests.support.envelopes import RECIPIENT, SENDER, a_document, a_recipient, an_envelope
from tests.support.rabbit_bus import VirtualHost

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
    """Start a worker again whenever it dies, as the parent of workers does; how often it did."""
    crashes = 0
    while True:
        async with worker_of(errand.model_copy(update={"careful": crashes > 0})) as worker:
            process = worker.process
            await eventually(lambda: process.returncode is not None or until())  # noqa: B023
            if process.returncode is None:
                return crashes
            assert await worker.ended() == -signal.SIGKILL
            crashes += 1


async def test_a_document_that_crashes_its_format_is_found_out_and_everything_else_is_delivered(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 12: parked with its fingerprint; no neighbour, in whatever mailbox, is suspected."""
    site = await found_site(
        vhost, tmp_path, codes=(SENDER, RECIPIENT, THIRD), most_deliveries=LIMIT, prefetch=16
    )
    folders = site.folders
    await put_into_mailbox(site, RECIPIENT, sorted([*NEIGHBOURS, POISON], key=int))
    await put_into_mailbox(site, THIRD, OTHERS)

    async with failures_of(site) as failures:
        crashes = await supervise(
            Errand(site=site, crash=CrashPoint.FORMAT),
            lambda: (
                bool(failures.messages)
                and len(folders.documents(RECIPIENT)) >= len(NEIGHBOURS)
                and len(folders.documents(THIRD)) >= len(OTHERS)
            ),
        )

    [failed] = failures.attempts
    assert failed.number == f"{POISON}/VB"
    assert failed.failure.problem.code == "E_FORMAT_CRASHED"
    assert failed.failure.failure_class is FailureClass.OURS
    assert failed.failure.fingerprint
    assert crashes <= MOST_CRASHES + 1
    assert sorted(folders.numbers(RECIPIENT), key=int) == NEIGHBOURS
    assert sorted(folders.numbers(THIRD), key=int) == OTHERS


async def test_what_crashes_elsewhere_is_parked_untouched_and_alone_in_its_lane(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 12: at most so many attempts; those before and behind it are delivered."""
    site = await found_site(vhost, tmp_path, most_deliveries=LIMIT, prefetch=16)
    folders = site.folders
    await put_into_mailbox(site, RECIPIENT, sorted([*NEIGHBOURS, POISON], key=int))

    async with failures_of(site) as failures:
        crashes = await supervise(
            Errand(site=site, crash=CrashPoint.ENDPOINT),
            lambda: (
                bool(failures.messages) and len(folders.documents(RECIPIENT)) >= len(NEIGHBOURS)
            ),
        )

    [failed] = failures.attempts
    assert failed.number == f"{POISON}/VB"
    assert failed.failure.failure_class is FailureClass.DELIVERY_LIMIT
    assert failed.failure.stage is Stage.MAILBOX
    assert failed.failure.problem.code == "E_DELIVERY_LIMIT"
    # The broker counts the deliveries that came back: the first is not one of them.
    assert crashes <= LIMIT + 1
    assert sorted(folders.numbers(RECIPIENT), key=int) == NEIGHBOURS
