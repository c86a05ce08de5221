"""Worker process: the services of one worker, and the adapters of the mailboxes that it serves."""

import asyncio
import os
import random
import secrets
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bus.attachments.spool import Spools
from bus.bootstrap.adapters import WorkerFormats, endpoint_of
from bus.bootstrap.observability import hindrances_of
from bus.bootstrap.process import fresh_ids, now
from bus.core.crash import problem_of
from bus.core.events import ItemSkipped, ServiceName, WorkerStarted
from bus.core.placement import WorkerName
from bus.core.sealing.wrapping import KEY_BYTES
from bus.core.signing import SigningKey
from bus.home.layout import Home
from bus.home.slots import Slot
from bus.keys.ring import load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.health import Reason
from bus.ports import AttachmentFetcher, AttachmentStore, Broker, Observer, Tracer
from bus.services.adapter import Adapter, AdapterParts, AdapterSettings, build_adapter
from bus.services.participants import Participants, RoutingChange
from bus.services.service_runner import ServiceRunner
from bus.services.serving import Serving
from bus.services.signature_check import SignatureCheck
from bus.services.signing_keys import SigningKeys
from bus.services.worker import Worker
from bus.settings import Settings
from bus.store.sql import Store
from schemas.identifiers import MailboxName

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
    attachments: AttachmentStore
    fetcher: AttachmentFetcher
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
        self.running = Worker(self.runner)
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
        self._formats = WorkerFormats(
            self.settings,
            self.home,
            after_crash=self.slot.after_crash,
            key_of=self._keys.of,
            observe=self.observe,
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
        yield from self._formats.hindrances()

    async def run(self) -> None:
        """Serve until `stop` is set, then finish what is under way."""
        services = [
            asyncio.create_task(self._formats.end_after(self.stop)),
            asyncio.create_task(self.runner.keep(ServiceName.KEYS, self._keys.mend)),
            asyncio.create_task(self.runner.keep(ServiceName.DIRECTORY, self.participants.watch)),
        ]
        try:
            await self.runner.keep(ServiceName.WORKERS, self.serving.run, of=self.slot.name)
        finally:
            for task in services:
                task.cancel()
            self._formats.close()

    async def start(self, mailboxes: Collection[MailboxName]) -> None:
        """Start to serve these mailboxes, which no other worker serves."""
        await self._keys.choose([*self.running.serves, *mailboxes])
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
        self.running.start(adapters)
        self.show(self.running.serves)
        self.observe(
            WorkerStarted(
                worker=self.slot.name, pid=os.getpid(), mailboxes=len(self.running.serves)
            )
        )

    def stop_serving(self, mailboxes: Collection[MailboxName]) -> None:
        """Let the adapters of these mailboxes finish what they hold, and end."""
        if self.running.serves & set(mailboxes):
            self.running.stop(mailboxes)
            self.show(self.running.serves)

    async def ended(self, mailboxes: Collection[MailboxName]) -> None:
        """Wait until the adapters of these mailboxes have ended."""
        await self.running.ended(mailboxes)

    async def _changed(self, _: RoutingChange) -> None:
        """The directory or the keys changed: choose signing keys and leases again."""
        await self._keys.choose(self.running.serves)
        self.show(self.running.serves)
        self.serving.look_again()

    def _signing_key(self, mailbox: MailboxName) -> SigningKey:
        return load_signing_key(
            self.home.keys,
            mailbox,
            now=now(),
            access=self.settings.key_access,
            known=tuple(self.participants.ring),
        )

    def _adapter(self, mailbox: MailboxName) -> Adapter:
        spools = Spools(self.home.spools / mailbox)
        agency = self.participants.routing.owner_of(mailbox)
        return build_adapter(
            AdapterParts(
                mailbox=mailbox,
                endpoint=endpoint_of(
                    mailbox, agency.endpoint, settings=self.settings, home=self.home
                ),
                written_in=self._formats.written_for(mailbox, agency.format),
                formats=self._formats.own,
                apart=self._formats.apart(agency.format),
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
                fetcher=self.fetcher,
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
