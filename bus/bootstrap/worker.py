"""Worker: builds a worker process from the settings, runs it, and takes it down again."""

import asyncio
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager

from bus.attachments.cache import AttachmentCache
from bus.attachments.folder import FolderAttachments
from bus.bootstrap.document_signatures import pdf_checker
from bus.bootstrap.gauges import gauges_of_worker
from bus.bootstrap.observability import observed
from bus.bootstrap.process import now
from bus.bootstrap.trust import participants_of, revocations_for
from bus.bootstrap.worker_process import WorkerProcess
from bus.core.events import ServiceName
from bus.core.key_events import KeyFileRefused
from bus.core.logins import WORKER_ACCOUNT
from bus.core.topology import AGENCY_ACCOUNTS
from bus.home.layout import Home
from bus.home.paused import PausedFile
from bus.home.slots import Slot, worker_slot, workers_of
from bus.observability.health import ended
from bus.observability.traces import tracing
from bus.processes.parent import end_with_parent, leaving_after, obey_signals
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.tls import account_in
from bus.services.signature_check import SignatureCheck
from bus.settings import Settings
from bus.store.sql import open_store
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import term

_THREADS = 32
_THREADS_PER_AGENCY = 4
"""Hand-overs of two lanes, a look at the outbox, and an answer to it: what an agency's system that
hangs can hold at once without taking a thread from the others. Threads are made when needed."""


async def run_worker(settings: Settings, *, only: frozenset[MailboxName] | None) -> None:
    """Run a worker until a signal stops it, or until the parent that started it has ended.

    Args:
        only: The mailboxes that it may serve; None: all of the directory.

    Raises:
        ConfigurationError: A setting or a key is wrong; the operator must correct it.
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
    """Build the worker process; at the end close its parts in the reverse order."""
    url = settings.broker_url
    if url is None:
        cause = term("hub_broker_due")
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)
    # One of the hub speaks for many agencies, an agency's own for none but itself.
    account = account_in(url)
    impersonates = not account.startswith(AGENCY_ACCOUNTS)
    async with AsyncExitStack() as stack:
        paused = PausedFile(home.paused / f"{slot.number}.json", clock=now)
        process = await stack.enter_async_context(
            observed(settings, f"worker {slot.number}", stop, hearers=(paused,))
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
        attachments = FolderAttachments(settings.attachments or home.attachments, now=now())
        worker = WorkerProcess(
            slot=slot,
            settings=settings,
            home=home,
            broker=broker,
            store=store,
            attachments=attachments,
            fetcher=AttachmentCache(
                home.attachment_cache,
                store=attachments,
                limit_bytes=settings.attachment_cache_bytes,
                now=now(),
            ),
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
            looks = gauges_of_worker(
                process.metrics,
                home=home,
                inbox=store.inbox,
                endpoints=lambda: worker.running.endpoints,
                observe=process.observe,
                alone=not impersonates,
            )
            looking = asyncio.create_task(process.runner.keep(ServiceName.GAUGES, looks.run))
            stack.push_async_callback(ended, looking)
        process.is_ready_when(
            broker=lambda: broker.health,
            more=worker.hindrances,
            ask_store=lambda: store.records.find(document_id="", limit=1),
            write_store=store.prove_writable,
        )
        yield worker
