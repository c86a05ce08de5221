"""Worker: builds what one worker process runs, the adapters of the mailboxes that it has leased."""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from adapters.contract import Endpoint, Format
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.edxml.signing import HeaderSigner
from adapters.registry import formats_of_others, own_formats
from bus.attachments.folder import FolderAttachments
from bus.attachments.spool import Spools
from bus.bootstrap.endpoint import endpoint_of
from bus.bootstrap.gauges import gauges_of_outboxes
from bus.bootstrap.header_signature import header_signer
from bus.bootstrap.observability import hindrances_of, noting, observed
from bus.bootstrap.participants import participants_of
from bus.bootstrap.pdf import pdf_checker
from bus.bootstrap.process import fresh_ids, now
from bus.bootstrap.revocation import revocations_for
from bus.core.crash import problem_of
from bus.core.events import Event, ItemSkipped, KeyFileRefused, ServiceName, WorkerStarted
from bus.core.logins import WORKER_ACCOUNT
from bus.core.placement import WorkerName
from bus.core.restart import HELD
from bus.core.sealing.wrapping import KEY_BYTES
from bus.core.signing import SigningKey
from bus.core.topology import is_agency_account
from bus.home.attempts import FolderAttempts
from bus.home.layout import Home
from bus.home.paused import PausedFile
from bus.home.slots import Slot, worker_slot, workers_of
from bus.keys.ring import load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.health import Reason, ended
from bus.observability.traces import tracing
from bus.ports import Broker, FormatApart, Observer, Tracer
from bus.processes.hosted_formats import HostedFormat
from bus.processes.parent import end_with_parent, leaving_after, obey_signals
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.tls import account_in
from bus.services.adapter import Adapter, AdapterParts, AdapterSettings, build_adapter
from bus.services.crash_guard import CrashGuard, with_crash_guard
from bus.services.participants import Change, Participants
from bus.services.service_runner import ServiceRunner
from bus.services.serving import Serving
from bus.services.signature_check import SignatureCheck
from bus.services.signing_keys import SigningKeys
from bus.services.worker import Worker
from bus.settings import Settings
from bus.store.sql import Store, open_store
from schemas.codes import FormatName
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError
from schemas.term import term

_UNDISTURBED = timedelta(seconds=5)
"""So long formats of other houses may go on when the worker is to stop."""
_THREADS = 32
_THREADS_PER_AGENCY = 4
"""Hand-overs of two lanes, a look at the outbox, and an answer to it: what an agency's system that
hangs can hold at once without taking a thread from the others. Threads are made when needed."""

_IDLE = Reason(reason="adapters_not_started", detail="it has no leases yet")


@dataclass(kw_only=True)
class WorkerProcess:
    """Everything that one worker process runs.

    Attributes:
        participants: The directory and the certificates, as they are known here now.
        show: Called with the mailboxes that are served, whenever they have changed.
        reports_as: The account of the hub's workers, where this is one of them.
    """

    slot: Slot
    settings: Settings
    home: Home
    broker: Broker
    store: Store
    attachments: FolderAttachments
    observe: Observer
    stop: asyncio.Event
    runner: ServiceRunner
    participants: Participants
    signature_check: SignatureCheck
    tracer: Tracer
    siblings: frozenset[WorkerName]
    show: Callable[[Collection[MailboxName]], None]
    reports_as: str | None = None

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._guard = CrashGuard(
            FolderAttempts(self.home.attempts),
            deadline=self.settings.format_deadline,
            observe=self._observe_from_threads,
        )
        if self.slot.after_crash:
            self._guard.be_careful()
            self._loop.call_later(HELD.total_seconds(), self._guard.be_at_ease)
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
        self._served: set[MailboxName] = set()
        self._reading = asyncio.Semaphore(self.settings.reading)
        self._new_id = fresh_ids()
        self._settings_of_adapters = AdapterSettings(
            limits=self.settings.limits,
            publish_deadline=self.settings.publish_deadline,
            hand_over_deadline=self.settings.hand_over_deadline,
            poll=self.settings.poll,
            prefetch=self.settings.prefetch,
            seal=self.settings.seal,
            reports_as=self.reports_as,
        )
        self._keys = SigningKeys(
            load=self._signing_key,
            deadline=self.settings.publish_deadline,
            observe=self.observe,
            # A token signs one thing at a time; one that hangs takes no thread from the others.
            threads=ThreadPoolExecutor(1, thread_name_prefix="token"),
        )
        self.serving = Serving(
            worker=self.slot.name,
            leases=self.store.leases,
            adapters=self,
            serves=lambda: self.participants.active,
            siblings=self.siblings,
            observe=self.observe,
            jitter=random.random,
            stop=self.stop,
        )
        self.participants.changed = self._changed

    def hindrances(self) -> Iterator[Reason]:
        """What keeps it from its work, or takes longer than it should."""
        if not self.serving.settled.is_set():
            yield _IDLE
        yield from hindrances_of(self.participants)
        for name, hosted in self._apart.items():
            for under_way in hosted.slow():
                yield Reason(
                    reason="format_slow",
                    detail=f"{name}: {under_way.work} for {under_way.since.total_seconds():.0f} s; "
                    f"it is ended after {under_way.ended_after.total_seconds():.0f} s",
                )

    async def run(self) -> None:
        """Serve until `stop` is set, then finish what is under way."""
        services = [
            asyncio.create_task(self._let_go()),
            asyncio.create_task(self.runner.keep(ServiceName.KEYS, self._keys.mend)),
            asyncio.create_task(self.runner.keep(ServiceName.DIRECTORY, self.participants.watch)),
        ]
        try:
            await self.runner.keep(ServiceName.WORKERS, self.serving.run, of=self.slot.name)
        finally:
            for task in services:
                task.cancel()
            for each in self._apart.values():
                each.close()

    async def start(self, mailboxes: Collection[MailboxName]) -> None:
        """Start to serve these mailboxes, which no other worker serves."""
        await self._keys.choose([*self._served, *mailboxes])
        # Nobody else works on these mailboxes: what a crash left leased is free at once.
        await self.store.inbox.reclaim(sorted(mailboxes))
        adapters = []
        for mailbox in mailboxes:
            try:
                adapters.append(self._adapter(mailbox))
            except Exception as error:  # noqa: BLE001 (one agency must not keep out the others)
                self.observe(
                    ItemSkipped(
                        service=ServiceName.WORKERS,
                        item=mailbox,
                        problem=problem_of(error, stage="start"),
                    )
                )
        self._running.start(adapters)
        self._served |= {adapter.mailbox for adapter in adapters}
        self._show()
        self.observe(
            WorkerStarted(worker=self.slot.name, pid=os.getpid(), mailboxes=len(self._served))
        )

    def stop_serving(self, mailboxes: Collection[MailboxName]) -> None:
        """Let the adapters of these mailboxes finish what they hold, and end."""
        self._running.stop(mailboxes)
        if self._served & set(mailboxes):
            self._served -= set(mailboxes)
            self._show()

    async def ended(self, mailboxes: Collection[MailboxName]) -> None:
        """Wait until the adapters of these mailboxes have ended."""
        await self._running.ended(mailboxes)

    def _show(self) -> None:
        self.show(self._served)

    async def _changed(self, _: Change) -> None:
        """Another directory, or other keys: who is served, and what is signed with."""
        await self._keys.choose(self._served)
        self._show()
        self.serving.look_again()

    async def _let_go(self) -> None:
        """Once it is to stop: end, after a while, the processes in which formats still work."""
        await self.stop.wait()
        await asyncio.sleep(_UNDISTURBED.total_seconds())
        for each in self._apart.values():
            await asyncio.to_thread(each.close)

    @property
    def endpoints(self) -> Mapping[MailboxName, Endpoint]:
        """How the systems are reached of the agencies that it serves now."""
        return self._running.endpoints

    def _written_for(self, mailbox: MailboxName) -> Format | FormatApart:
        """The format of what is handed over."""
        name = self.participants.routing.owner_of(mailbox).format
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
            known=tuple(self.participants.ring),
        )

    def _apart_for(self, mailbox: MailboxName) -> tuple[FormatApart, ...]:
        """The formats of other houses that a file of an agency may be in, its own first."""
        own = self.participants.routing.owner_of(mailbox).format
        return tuple(sorted(self._apart.values(), key=lambda each: (each.name != own, each.name)))

    def _observe_from_threads(self, event: Event) -> None:
        self._loop.call_soon_threadsafe(self.observe, event)

    def _adapter(self, mailbox: MailboxName) -> Adapter:
        spools = Spools(self.home.spools / mailbox)
        endpoint = self.participants.routing.owner_of(mailbox).endpoint
        return build_adapter(
            AdapterParts(
                mailbox=mailbox,
                endpoint=endpoint_of(mailbox, endpoint, settings=self.settings, home=self.home),
                written_in=self._written_for(mailbox),
                formats=tuple(self._formats.values()),
                apart=self._apart_for(mailbox),
                reading=self._reading,
                routing=lambda: self.participants.routing,
                ring=lambda: self.participants.ring,
                look_again=self.participants.look_again,
                signer=self._keys.signer(mailbox),
                sealing_keys=SealingFolder(self.home.keys),
                begin_spool=lambda: spools.begin(now()),
                new_key=lambda: secrets.token_bytes(KEY_BYTES),
                broker=self.broker,
                attachments=self.attachments,
                inbox=self.store.inbox,
                records=self.store.records,
                signature_check=self.signature_check,
                settings=self._settings_of_adapters,
                clock=now,
                new_id=self._new_id,
                jitter=random.random,
                observe=self.observe,
                tracer=self.tracer,
            ),
            stop=asyncio.Event(),
        )


async def run_worker(settings: Settings, *, only: frozenset[MailboxName] | None) -> None:
    """Be a worker until a signal says stop, or the parent that started it is gone.

    Args:
        only: The mailboxes that it may serve; None: all of the directory.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
    """
    stop, home = asyncio.Event(), Home(settings.home.absolute())
    obey_signals(stop)
    end_with_parent()
    async with leaving_after(stop):
        with worker_slot(home.slots) as slot:
            async with _opened(settings, home, slot, only=only, stop=stop) as worker:
                await worker.run()


@asynccontextmanager
async def _opened(
    settings: Settings,
    home: Home,
    slot: Slot,
    *,
    only: frozenset[MailboxName] | None,
    stop: asyncio.Event,
) -> AsyncIterator[WorkerProcess]:
    """Build everything; on the way out take it down in the reverse order."""
    url = settings.broker_url
    if url is None:
        cause = term("hub_broker_due")
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)
    # One of the hub speaks for many agencies, an agency's own for none but itself.
    account = account_in(url)
    impersonates = not is_agency_account(account)
    async with AsyncExitStack() as stack:
        paused = PausedFile(home.paused / f"{slot.number}.json")
        process = await stack.enter_async_context(
            observed(settings, f"worker {slot.number}", stop, hearers=(noting(paused),))
        )
        paused.save()
        store = await stack.enter_async_context(open_store(settings.store_url))
        participants = await participants_of(
            settings,
            home,
            store,
            only=only,
            observe=process.observe,
            is_hub=impersonates,
            warns=not impersonates,
        )
        threads = _THREADS + _THREADS_PER_AGENCY * len(participants.mailboxes)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
        broker = await stack.enter_async_context(
            RabbitBroker(
                url,
                name=f"lienthong {slot.name}",
                impersonates=impersonates,
                published=process.published,
            )
        )
        pdfs = await stack.enter_async_context(
            pdf_checker(
                settings, refused=lambda told: process.observe(KeyFileRefused(problem=told))
            )
        )

        def show(served: Collection[MailboxName]) -> None:
            if process.metrics is not None:
                process.metrics.knowing(participants.routing.mailboxes)
                process.metrics.serving(served)

        siblings = frozenset(workers_of(home.slots, workers=settings.workers)) - {slot.name}
        worker = WorkerProcess(
            slot=slot,
            settings=settings,
            home=home,
            broker=broker,
            store=store,
            attachments=FolderAttachments(settings.attachments or home.attachments, now=now()),
            observe=process.observe,
            stop=stop,
            runner=process.runner,
            participants=participants,
            signature_check=SignatureCheck(pdfs=pdfs),
            tracer=stack.enter_context(
                tracing(settings.traces_url, process=f"worker {slot.number}")
            ),
            siblings=siblings,
            show=show,
            reports_as=account if account == WORKER_ACCOUNT else None,
        )
        if not impersonates:
            # No other process of an agency's own home watches over revocations.
            watch = revocations_for(settings, home, observe=process.observe)
            watching = process.runner.keep(ServiceName.REVOCATIONS, watch.run)
            stack.push_async_callback(ended, asyncio.create_task(watching))
        if process.metrics is not None:
            looks = gauges_of_outboxes(
                process.metrics,
                home=home,
                endpoints=lambda: worker.endpoints,
                observe=process.observe,
                certificates=not impersonates,
            )
            looking = asyncio.create_task(process.runner.keep(ServiceName.SURVEY, looks.run))
            stack.push_async_callback(ended, looking)
        process.is_ready_when(
            broker=lambda: broker.health,
            more=worker.hindrances,
            ask_store=lambda: store.records.find(document_id="", limit=1),
            write_store=store.prove_writable,
        )
        yield worker
