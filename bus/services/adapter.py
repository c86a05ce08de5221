"""Adapter: the services of one mailbox, built from what they share.

`build_adapter` is the only place where they are connected; worker processes and tests both call it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.contract import Endpoint, Format, Limits
from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.ports import (
    AttachmentFetcher,
    AttachmentStore,
    Broker,
    Clock,
    FormatApart,
    Inbox,
    Jitter,
    LookAgain,
    NewId,
    Observer,
    Records,
    SealingKeys,
    Signer,
    Spool,
    Tracer,
    Untraced,
    nothing_new,
)
from bus.services.completion import Completion
from bus.services.courier import MOST_DELIVERIES, Courier
from bus.services.dispatch import MOST_RETURNS, Dispatch
from bus.services.endpoint_watch import EndpointWatch
from bus.services.inbound import Inbound
from bus.services.outbound import Outbound
from bus.services.packing import Packing
from bus.services.sealer import Sealer
from bus.services.signature_check import SignatureCheck
from bus.services.submission_preparer import SubmissionPreparer
from bus.services.submission_reader import SubmissionReader
from bus.services.submission_sender import SubmissionSender
from schemas.identifiers import MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """The services of one mailbox; `worker` runs them.

    Attributes:
        stop: Set when these services shall finish the work that they have begun, and end.
    """

    mailbox: MailboxName
    endpoint: Endpoint
    outbound: Outbound
    inbound: Inbound
    completion: Completion
    stop: asyncio.Event


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterSettings:
    """What an operator chooses for all adapters of a process.

    Attributes:
        limits: Bounds on what a format reads.
        publish_deadline: How long one publish may take before its outcome is unknown.
        hand_over_deadline: How long an endpoint may take for one delivery without attachments.
        poll: How long to wait before looking into an outbox again when no change is reported.
        prefetch: How many deliveries of a lane are in work at a time.
        seal: Whether every document is sealed.
        reports_as: The broker account that reports failures; None: the mailbox's own.
        most_deliveries: After so many deliveries a message is parked without being read.
        most_returns: After so many tries a mailbox that the broker does not know is absent.
    """

    limits: Limits = field(default_factory=Limits)
    publish_deadline: timedelta
    hand_over_deadline: timedelta = timedelta(seconds=60)
    poll: timedelta
    prefetch: int
    seal: bool = False
    reports_as: str | None = None
    most_deliveries: int = MOST_DELIVERIES
    most_returns: int = MOST_RETURNS


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterParts:
    """What the adapter of one mailbox is built from.

    Attributes:
        written_in: The format in which documents are written for this agency's system.
        formats: The formats in which a submitted file may be, in the order in which they are tried.
        apart: Formats that work in processes of their own; they are tried after those.
        reading: Limits how many files all adapters of a process read at the same time.
        routing: The directory as it is now.
        ring: The certificates as they are now.
        look_again: Looks for newer agencies and certificates.
        begin_spool: Returns a new spool for the files of one document until they are sealed.
        attachments: Stores the files of documents that are sent.
        fetcher: Fetches the files of documents that are received.
        new_key: Returns 32 new random bytes.
    """

    mailbox: MailboxName
    endpoint: Endpoint
    written_in: Format | FormatApart
    formats: Sequence[Format]
    apart: Sequence[FormatApart] = ()
    reading: asyncio.Semaphore
    routing: Callable[[], Routing]
    ring: Callable[[], KeyRing]
    look_again: LookAgain = nothing_new
    signer: Signer
    sealing_keys: SealingKeys
    begin_spool: Callable[[], Spool]
    new_key: Callable[[], bytes]
    broker: Broker
    attachments: AttachmentStore
    fetcher: AttachmentFetcher
    inbox: Inbox
    records: Records
    signature_check: SignatureCheck
    settings: AdapterSettings
    clock: Clock
    new_id: NewId
    jitter: Jitter
    observe: Observer
    tracer: Tracer = field(default_factory=Untraced)


def build_adapter(parts: AdapterParts, *, stop: asyncio.Event) -> Adapter:
    """Connect the services of one mailbox; nothing runs yet."""
    settings = parts.settings
    watch = EndpointWatch(
        mailbox=parts.mailbox,
        endpoint=parts.endpoint,
        clock=parts.clock,
        jitter=parts.jitter,
        observe=parts.observe,
        stop=stop,
    )
    sealer = Sealer(
        mailbox=parts.mailbox,
        ring=parts.ring,
        keys=parts.sealing_keys,
        signer=parts.signer,
        store=parts.attachments,
        begin_spool=parts.begin_spool,
        new_key=parts.new_key,
        clock=parts.clock,
        always=settings.seal,
    )
    dispatch = Dispatch(
        mailbox=parts.mailbox,
        signer=parts.signer,
        publisher=parts.broker,
        clock=parts.clock,
        new_id=parts.new_id,
        deadline=settings.publish_deadline,
        reports_as=settings.reports_as,
        tracer=parts.tracer,
        most_returns=settings.most_returns,
    )
    courier = Courier(
        endpoint=parts.endpoint,
        watch=watch,
        packing=Packing(format=parts.written_in, signature_check=parts.signature_check),
        keys=parts.ring,
        routing=parts.routing,
        fetcher=parts.fetcher,
        inbox=parts.inbox,
        records=parts.records,
        dispatch=dispatch,
        sealer=sealer,
        clock=parts.clock,
        new_id=parts.new_id,
        jitter=parts.jitter,
        observe=parts.observe,
        most_deliveries=settings.most_deliveries,
        hand_over_deadline=settings.hand_over_deadline,
        look_again=parts.look_again,
    )
    preparer = SubmissionPreparer(
        reader=SubmissionReader(
            mailbox=parts.mailbox,
            endpoint=parts.endpoint,
            formats=parts.formats,
            apart=parts.apart,
            limits=settings.limits,
            routing=parts.routing,
            clock=parts.clock,
            slots=parts.reading,
            stop=stop,
        ),
        routing=parts.routing,
        attachments=parts.attachments,
        records=parts.records,
        dispatch=dispatch,
        sealer=sealer,
        clock=parts.clock,
        look_again=parts.look_again,
    )
    return Adapter(
        mailbox=parts.mailbox,
        endpoint=parts.endpoint,
        stop=stop,
        outbound=Outbound(
            sender=SubmissionSender(
                endpoint=parts.endpoint,
                preparer=preparer,
                dispatch=dispatch,
                records=parts.records,
                clock=parts.clock,
                observe=parts.observe,
            ),
            watch=watch,
            jitter=parts.jitter,
            poll=settings.poll,
            stop=stop,
        ),
        completion=Completion(courier=courier, stop=stop),
        inbound=Inbound(
            mailbox=parts.mailbox,
            courier=courier,
            watch=watch,
            subscriber=parts.broker,
            prefetch=settings.prefetch,
            stop=stop,
        ),
    )
