"""Worker: what one worker process runs: the adapters of the mailboxes it is told to serve."""

import asyncio
import os
import random
import secrets
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from adapters.contract import Format
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.edxml.signing import HeaderSigner
from adapters.registry import formats_of_others, own_formats
from bus.attachments.folder import FolderAttachments
from bus.attachments.spool import Spools
from bus.bootstrap.endpoint import endpoint_of
from bus.bootstrap.header_signature import header_signer
from bus.bootstrap.observability import heard_by, observed_worker, worker_metrics
from bus.bootstrap.pdf import pdf_checker
from bus.bootstrap.process import fresh_ids, now
from bus.core.crash import problem_of
from bus.core.directory import vouched
from bus.core.events import (
    DirectoryTakenUp,
    Event,
    ItemSkipped,
    KeyFileRefused,
    ServiceName,
    WorkerFailed,
    WorkerStarted,
)
from bus.core.instructions import Instruction, Know, Serve
from bus.core.keyring import KeyRing
from bus.core.logins import WORKER_ACCOUNT
from bus.core.placement import WorkerName
from bus.core.restart import HELD
from bus.core.routing import Routing
from bus.core.sealing.wrapping import KEY_BYTES
from bus.core.signing import SigningKey
from bus.core.topology import is_agency_account
from bus.home.attempts import FolderAttempts
from bus.home.layout import Home
from bus.keys.ring import load_ring, load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.health import Health, Reason
from bus.observability.traces import tracing
from bus.ports import Broker, FormatApart, Observer, Tracer
from bus.processes.hosted_formats import HostedFormat
from bus.processes.leash import Leash, leash, obey_signals
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.tls import account_in
from bus.services.completion import Completion
from bus.services.courier import Courier
from bus.services.crash_guard import CrashGuard, with_crash_guard
from bus.services.dispatch import Dispatch
from bus.services.endpoint_watch import EndpointWatch
from bus.services.inbound import Inbound
from bus.services.outbound import Outbound
from bus.services.packing import Packing
from bus.services.retry_wait import RetryWait, Stopping
from bus.services.sealer import Sealer
from bus.services.service_runner import ServiceRunner
from bus.services.signature_check import SignatureCheck
from bus.services.signing_keys import SigningKeys
from bus.services.submission_preparer import SubmissionPreparer
from bus.services.submission_reader import SubmissionReader
from bus.services.submission_sender import SubmissionSender
from bus.services.worker import Adapter, Worker
from bus.settings import Settings
from bus.store.sql import Store, open_store
from schemas.codes import FormatName
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError

_UNDISTURBED = timedelta(seconds=5)
"""So long formats of other houses may go on when the worker is to stop."""
_DRAIN = timedelta(seconds=30)
_HANGING = 71
"""Exit code of a worker in which something still hung so long after it was to stop."""
_THREADS = 32
_THREADS_PER_AGENCY = 4
"""Hand-overs of two lanes, a look at the outbox, and an answer to it: what an agency's system that
hangs can hold at once without taking a thread from the others. Threads are made when needed."""

_IDLE = Reason(reason="adapters_not_started", detail="it was not told yet whom to serve")


@dataclass(kw_only=True)
class Workplace:
    """Everything that one worker process runs.

    Attributes:
        known: What was told last; `routing` and `ring` come of it.
        reports_as: The account of the hub's workers, where this is one of them.
    """

    worker: WorkerName
    settings: Settings
    home: Home
    broker: Broker
    store: Store
    attachments: FolderAttachments
    observe: Observer
    stop: asyncio.Event
    runner: ServiceRunner
    known: Know
    routing: Routing
    ring: KeyRing
    signature_check: SignatureCheck
    tracer: Tracer
    reports_as: str | None = None

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._guard = CrashGuard(
            FolderAttempts(self.home.attempts),
            deadline=self.settings.format_deadline,
            observe=self._observe_from_threads,
        )
        self._formats: Mapping[str, Format] = {
            name: with_crash_guard(each, self._guard) for name, each in own_formats().items()
        }
        self._apart = {
            name: HostedFormat(
                name,
                deadline=self.settings.format_deadline,
                folder=self.home.spools / "written",
                observe=self._observe_from_threads,
            )
            for name in formats_of_others()
        }
        self._running = Worker(self.runner)
        self._adapters: dict[MailboxName, Adapter] = {}
        self._told = False
        self._reading = asyncio.Semaphore(self.settings.reading)
        self._new_id = fresh_ids()
        self._keys = SigningKeys(
            load=self._signing_key,
            deadline=self.settings.publish_deadline,
            observe=self.observe,
            # A token signs one thing at a time; one that hangs takes no thread from the others.
            threads=ThreadPoolExecutor(1, thread_name_prefix="token"),
        )
        # Of the last `Know` that was followed by `Serve`: those that every worker knows.
        self._usable: tuple[str, ...] = ()

    def hindrances(self) -> Iterator[Reason]:
        """What keeps it from its work, or takes longer than it should."""
        if not self._told:
            yield _IDLE
        for name, hosted in self._apart.items():
            for under_way in hosted.slow():
                yield Reason(
                    reason="format_slow",
                    detail=f"{name}: {under_way.work} for {under_way.since.total_seconds():.0f} s; "
                    f"it is ended after {under_way.ended_after.total_seconds():.0f} s",
                )

    async def run(self, instructions: AsyncIterator[Instruction]) -> None:
        """Follow instructions until `stop` is set, then drain. Raises why they cannot be."""
        following = asyncio.create_task(self._follow(instructions))
        ending = asyncio.create_task(self._let_go())
        mending = asyncio.create_task(self.runner.keep(ServiceName.KEYS, self._keys.mend))
        # Orders that cannot be followed end the worker: the next one may be luckier.
        following.add_done_callback(lambda _: self.stop.set())
        try:
            await self._running.until_stopped()
        finally:
            for task in (following, mending, ending):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await following
            for each in self._apart.values():
                each.close()

    async def _let_go(self) -> None:
        """Once it is to stop: end, after a while, the processes in which formats still work."""
        await self.stop.wait()
        await asyncio.sleep(_UNDISTURBED.total_seconds())
        for each in self._apart.values():
            await asyncio.to_thread(each.close)

    async def _follow(self, instructions: AsyncIterator[Instruction]) -> None:
        async for instruction in instructions:
            match instruction:
                case Know():
                    await self._know(instruction)
                case Serve():
                    await self._serve(instruction)
                case _ as never:
                    assert_never(never)

    async def _know(self, instruction: Know) -> None:
        retry_wait = RetryWait(
            mailbox=MailboxName(self.worker),
            observe=self.observe,
            stop=self.stop,
            jitter=random.random,
        )
        while True:
            try:
                read = await asyncio.to_thread(_knowledge, instruction, self.home)
                break
            except Exception as error:  # noqa: BLE001 (what was known before goes on serving)
                # The axis has just read the folder well: somebody is at work in it. Until this is
                # answered nobody signs with anything new.
                try:
                    await retry_wait.wait(problem_of(error, stage=ServiceName.KEYS))
                except Stopping:
                    return
        self.routing, self.ring = read
        self.known = instruction
        self.observe(DirectoryTakenUp(worker=self.worker, edition=instruction.edition))

    async def _serve(self, instruction: Serve) -> None:
        if instruction.careful:
            self._guard.be_careful()
            loop = asyncio.get_running_loop()
            loop.call_later(HELD.total_seconds(), self._guard.be_at_ease)
        gone = self._adapters.keys() - set(instruction.mailboxes)
        for mailbox in gone:
            del self._adapters[mailbox]
        self._running.stop(gone)
        fresh = [mailbox for mailbox in instruction.mailboxes if mailbox not in self._adapters]
        self._usable = self.known.certificates
        await self._keys.choose([*self._adapters, *fresh])
        # Nobody else works on these mailboxes: what a crash left leased is free at once.
        await self.store.inbox.reclaim(fresh)
        for mailbox in fresh:
            try:
                self._adapters[mailbox] = self._adapter(mailbox)
            except Exception as error:  # noqa: BLE001 (one agency must not keep out the others)
                self.observe(
                    ItemSkipped(
                        service=ServiceName.WORKERS,
                        item=mailbox,
                        problem=problem_of(error, stage="start"),
                    )
                )
        self._running.start(self._adapters.values())
        self._told = True
        self.observe(
            WorkerStarted(worker=self.worker, pid=os.getpid(), mailboxes=len(self._adapters))
        )

    def _written_for(self, mailbox: MailboxName) -> Format | FormatApart:
        """The format of what is handed over."""
        name = self.routing.owner_of(mailbox).format
        if name in self._apart:
            return self._apart[name]
        if name != FormatName.EDXML:
            return self._formats[name]

        def signer() -> HeaderSigner:
            # Asked for each packet: the key may have changed. One that cannot sign is waited for.
            try:
                return header_signer(self._keys.of(mailbox), mailbox, keys=self.home.keys)
            except ConfigurationError as error:
                cause = error.problem.because
                raise AxisError.of("E_SIGNING_KEY_AWAY", agency=mailbox, cause=cause) from error

        written = EdxmlFormat(
            zip_attachments=mailbox in self.settings.edxml_zip,
            strict=mailbox in self.settings.edxml_strict,
            signer=signer if self.settings.sign_edxml else None,
        )
        return with_crash_guard(written, self._guard)

    def _signing_key(self, mailbox: MailboxName) -> SigningKey:
        return load_signing_key(
            self.home.keys,
            mailbox,
            now=now(),
            access=self.settings.key_access,
            known=self._usable,
        )

    def _apart_for(self, mailbox: MailboxName) -> tuple[FormatApart, ...]:
        """The formats of other houses that a file of an agency may be in, its own first."""
        own = self.routing.owner_of(mailbox).format
        return tuple(sorted(self._apart.values(), key=lambda each: (each.name != own, each.name)))

    def _observe_from_threads(self, event: Event) -> None:
        self._loop.call_soon_threadsafe(self.observe, event)

    def _adapter(self, mailbox: MailboxName) -> Adapter:
        stop = asyncio.Event()
        name = self.routing.owner_of(mailbox).endpoint
        endpoint = endpoint_of(mailbox, name, settings=self.settings, home=self.home)
        watch = EndpointWatch(
            mailbox=mailbox,
            endpoint=endpoint,
            clock=now,
            jitter=random.random,
            observe=self.observe,
            stop=stop,
        )
        spools = Spools(self.home.spools / mailbox)
        sealer = Sealer(
            mailbox=mailbox,
            ring=lambda: self.ring,
            keys=SealingFolder(self.home.keys),
            signer=self._keys.signer(mailbox),
            store=self.attachments,
            begin_spool=lambda: spools.begin(now()),
            new_key=lambda: secrets.token_bytes(KEY_BYTES),
            clock=now,
            always=self.settings.seal,
        )
        dispatch = Dispatch(
            mailbox=mailbox,
            signer=self._keys.signer(mailbox),
            publisher=self.broker,
            clock=now,
            new_id=self._new_id,
            deadline=self.settings.publish_deadline,
            reports_as=self.reports_as,
            tracer=self.tracer,
        )
        courier = Courier(
            endpoint=endpoint,
            watch=watch,
            packing=Packing(
                format=self._written_for(mailbox), signature_check=self.signature_check
            ),
            keys=lambda: self.ring,
            routing=lambda: self.routing,
            attachments=self.attachments,
            inbox=self.store.inbox,
            records=self.store.records,
            dispatch=dispatch,
            sealer=sealer,
            clock=now,
            new_id=self._new_id,
            jitter=random.random,
            observe=self.observe,
            hand_over_deadline=self.settings.hand_over_deadline,
        )
        preparer = SubmissionPreparer(
            reader=SubmissionReader(
                mailbox=mailbox,
                endpoint=endpoint,
                formats=tuple(self._formats.values()),
                apart=self._apart_for(mailbox),
                limits=self.settings.limits,
                routing=lambda: self.routing,
                clock=now,
                slots=self._reading,
                stop=stop,
            ),
            routing=lambda: self.routing,
            attachments=self.attachments,
            records=self.store.records,
            dispatch=dispatch,
            sealer=sealer,
            clock=now,
        )
        return Adapter(
            mailbox=mailbox,
            endpoint=endpoint,
            stop=stop,
            outbound=Outbound(
                sender=SubmissionSender(
                    endpoint=endpoint,
                    preparer=preparer,
                    dispatch=dispatch,
                    records=self.store.records,
                    clock=now,
                    observe=self.observe,
                ),
                watch=watch,
                jitter=random.random,
                poll=self.settings.poll,
                stop=stop,
            ),
            completion=Completion.of(courier, stop=stop),
            inbound=Inbound(
                mailbox=mailbox,
                courier=courier,
                watch=watch,
                subscriber=self.broker,
                prefetch=self.settings.prefetch,
                stop=stop,
            ),
        )


async def run_worker(settings: Settings, worker: WorkerName) -> bool:
    """Be a worker of the axis at the other end of standard input, until it or a signal says stop.

    Returns:
        Whether all went well; if not, the axis was told why.

    Raises:
        ConfigurationError: E_WORKER_ALONE; there is no axis.
    """
    stop = asyncio.Event()
    obey_signals(stop)
    async with leash(worker) as line, _leaving_after(stop):
        with Home(settings.home).at_work():
            # In this order: the next axis either waits for us, or finds us ending.
            line.must_hold()
            try:
                await _work(settings, worker, line, stop)
            except AxisError as error:
                line.tell(WorkerFailed(worker=worker, problem=error.problem))
                return False
    return True


@asynccontextmanager
async def _leaving_after(stop: asyncio.Event) -> AsyncIterator[None]:
    """End this process some time after `stop` or the exit, also while threads of it hang.

    They are no reason to stay, and cannot be ended otherwise; nothing of theirs is acknowledged.
    """

    async def watch() -> None:
        await stop.wait()
        leave()

    def leave() -> None:
        timer = threading.Timer(_DRAIN.total_seconds(), os._exit, (_HANGING,))
        timer.daemon = True
        timer.start()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        if not watching.done():
            watching.cancel()
            leave()


async def _work(settings: Settings, worker: WorkerName, line: Leash, stop: asyncio.Event) -> None:
    instructions = line.instructions()
    # Nothing can be built before the directory is known, and it is told first.
    first = await anext(instructions, None)
    if isinstance(first, Know):
        async with _workplace(settings, first, worker=worker, line=line, stop=stop) as place:
            await place.run(instructions)


@asynccontextmanager
async def _workplace(
    settings: Settings, known: Know, *, worker: WorkerName, line: Leash, stop: asyncio.Event
) -> AsyncIterator[Workplace]:
    """Build everything; on the way out take it down in the reverse order."""
    home = Home(settings.home)
    url = settings.broker_url or ""
    # One of the hub speaks for many agencies, an agency's own for none but itself.
    account = account_in(url)
    impersonates = not is_agency_account(account)
    threads = _THREADS + _THREADS_PER_AGENCY * len(known.directory.agencies)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
    routing, ring = await asyncio.to_thread(_knowledge, known, home)
    async with AsyncExitStack() as stack:
        tracer = stack.enter_context(tracing(settings.traces_url, process=worker))
        store = await stack.enter_async_context(open_store(settings.store_url))
        metrics = worker_metrics() if settings.metrics else None
        broker = await stack.enter_async_context(
            RabbitBroker(
                url,
                name=f"lienthong {worker}",
                impersonates=impersonates,
                published=metrics.published if metrics else None,
            )
        )
        attachments = FolderAttachments(settings.attachments or home.attachments, now=now())
        pdfs = await stack.enter_async_context(
            pdf_checker(settings, refused=lambda told: line.tell(KeyFileRefused(problem=told)))
        )
        health = None if metrics is None else Health(metrics=metrics)
        observe = heard_by(None if health is None else health.note, line.tell)
        runner = ServiceRunner(observe=observe, jitter=random.random, stop=stop)
        place = Workplace(
            worker=worker,
            settings=settings,
            home=home,
            broker=broker,
            store=store,
            attachments=attachments,
            observe=observe,
            stop=stop,
            runner=runner,
            known=known,
            routing=routing,
            ring=ring,
            signature_check=SignatureCheck(pdfs=pdfs),
            tracer=tracer,
            reports_as=account if account == WORKER_ACCOUNT else None,
        )
        if health is not None:
            health.broker = lambda: broker.health
            health.more = place.hindrances
            health.ask_store = lambda: store.records.find(document_id="", limit=1)
            health.write_store = store.prove_writable
            await stack.enter_async_context(observed_worker(settings, health, runner, worker))
        line.tell(DirectoryTakenUp(worker=worker, edition=known.edition))
        yield place


def _knowledge(known: Know, home: Home) -> tuple[Routing, KeyRing]:
    ring = load_ring(home.keys).limited_to(vouched(known.directory))
    return Routing(known.directory), ring
