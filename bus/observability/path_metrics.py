"""Path metrics: what is counted and timed of documents on their way from sender to recipient."""

from bus.core.events import (
    DeliveryFailed,
    DeliveryHandedOver,
    DuplicateAbsorbed,
    EndpointPaused,
    EndpointResumed,
    EnvelopeSent,
    Event,
    Handlers,
    SubmissionRefused,
)
from bus.core.failure import Stage
from bus.observability.process_metrics import ProcessMetrics
from bus.ports import Clock
from schemas.codes import EnvelopeKind, Lane, StatusCode
from schemas.identifiers import MailboxName

OTHER = "other"
"""The label value for what is not known by name: a message may hold anything, labels stay few."""

_WORK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_WAY = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)
_KNOWN_STATUSES = frozenset(StatusCode)
_VERDICTS = {
    "E_SIGNATURE_MISSING": "missing",
    "E_SIGNATURE_INVALID": "invalid",
    "E_SIGNATURE_ALGORITHM": "algorithm",
    "E_CERTIFICATE_UNKNOWN": "certificate_unknown",
    "E_CERTIFICATE_EXPIRED": "certificate_expired",
    "E_CERTIFICATE_REVOKED": "certificate_revoked",
    "E_CLOCK_SKEW": "clock_skew",
    "E_FORGED": "forged",
    "E_HEADER_CONTRADICTS": "forged",
}
_VERIFIED = "verified"
_KINDS = (
    (Lane.EXPRESS, EnvelopeKind.DOCUMENT),
    (Lane.STANDARD, EnvelopeKind.DOCUMENT),
    (Lane.EXPRESS, EnvelopeKind.RECEIPT),
)
"""The lanes and kinds of envelopes that exist together."""


class PathMetrics(ProcessMetrics):
    """Counts and times submissions, envelopes, deliveries and receipts.

    A call with an event counts it. An event without a handler changes no metric.
    """

    def __init__(self, *, version: str, clock: Clock, has_broker: bool) -> None:
        super().__init__(version=version, has_broker=has_broker)
        self._clock = clock
        self._known: frozenset[MailboxName] = frozenset()
        self._submissions = self._counter(
            "submissions",
            "Files that agencies' systems dropped, by what became of them.",
            "agency",
            "outcome",
        )
        self._envelopes_sent = self._counter(
            "envelopes_sent",
            "Envelopes that every recipient's mailbox has confirmed, by their sender.",
            *("agency", "lane", "kind"),
        )
        self._deliveries = self._counter(
            "deliveries",
            "Attempts at deliveries that have ended, by their recipient.",
            *("agency", "lane", "kind", "outcome"),
        )
        self._receipts = self._counter(
            "receipts", "Statuses handed over to the system of a sender.", "agency", "status"
        )
        self._verdicts = self._counter(
            "signature_verdicts",
            "The result of each delivery's signature check, once for each ended attempt.",
            "verdict",
        )
        self._hand_over = self._histogram(
            "hand_over_seconds", "From the claim of a delivery to its hand-over.", _WORK, "lane"
        )
        self._end_to_end = self._histogram(
            "end_to_end_seconds",
            "From the signature of an envelope to its hand-over.",
            _WAY,
            "lane",
        )
        self._first_status = self._histogram(
            "first_status_seconds",
            "From the sending of a document to the automatic receipt of each recipient.",
            _WAY,
        )
        self._last_success = self._gauge(
            "last_success_timestamp_seconds",
            "When something was last handed over to an agency, since this start.",
            "agency",
        )
        self._endpoint_up = self._gauge(
            "endpoint_up", "1: served; 0: paused, for the agency's system is away.", "agency"
        )
        # Prometheus sees no increase in the first value of a counter, so known ones begin at 0.
        for verdict in (_VERIFIED, *_VERDICTS.values()):
            self._verdicts.labels(verdict)
        for lane in Lane:
            self._hand_over.labels(lane)
            self._end_to_end.labels(lane)
        self._handlers = handlers = Handlers()
        handlers.on(EnvelopeSent, self._sent)
        handlers.on(SubmissionRefused, self._refused)
        handlers.on(DeliveryHandedOver, self._handed_over)
        handlers.on(DuplicateAbsorbed, self._absorbed)
        handlers.on(DeliveryFailed, self._failed)
        handlers.on(EndpointPaused, lambda event: self._set_up(event.mailbox, up=False))
        handlers.on(EndpointResumed, lambda event: self._set_up(event.mailbox, up=True))

    def __call__(self, event: Event) -> None:
        """Count one event."""
        self._handlers(event)

    def _begin_traffic(self, mailbox: MailboxName) -> None:
        """Let the counters of an agency that is served here begin at 0."""
        for outcome in ("accepted", "refused"):
            self._submissions.labels(mailbox, outcome)
        for lane, kind in _KINDS:
            self._envelopes_sent.labels(mailbox, lane, kind)
            for outcome in ("handed_over", "duplicate", "failed"):
                self._deliveries.labels(mailbox, lane, kind, outcome)
        self._deliveries.labels(mailbox, OTHER, OTHER, "failed")
        for status in StatusCode:
            self._receipts.labels(mailbox, status)

    def _sent(self, event: EnvelopeSent) -> None:
        agency = self._agency(event.mailbox)
        self._submissions.labels(agency, "accepted").inc()
        self._envelopes_sent.labels(agency, event.lane, event.kind).inc()

    def _refused(self, event: SubmissionRefused) -> None:
        self._submissions.labels(self._agency(event.mailbox), "refused").inc()

    def _handed_over(self, event: DeliveryHandedOver) -> None:
        agency = self._agency(event.mailbox)
        trace = {"trace_id": event.trace} if event.trace else None
        self._deliveries.labels(agency, event.lane, event.kind, "handed_over").inc()
        self._verdicts.labels(_VERIFIED).inc()
        self._hand_over.labels(event.lane).observe(event.took.total_seconds(), trace)
        self._end_to_end.labels(event.lane).observe(event.age.total_seconds(), trace)
        self._last_success.labels(agency).set(self._clock().timestamp())
        # The system is there; the worker that paused the mailbox may have crashed.
        self._set_up(event.mailbox, up=True)
        if event.kind is EnvelopeKind.RECEIPT:
            known = event.status in _KNOWN_STATUSES
            self._receipts.labels(agency, event.status if known else OTHER).inc()
        if event.answered_after is not None:
            self._first_status.observe(event.answered_after.total_seconds(), trace)

    def _absorbed(self, event: DuplicateAbsorbed) -> None:
        agency = self._agency(event.mailbox)
        self._deliveries.labels(agency, event.lane, event.kind, "duplicate").inc()
        self._verdicts.labels(_VERIFIED).inc()

    def _failed(self, event: DeliveryFailed) -> None:
        # Lane and kind of a delivery that could not be proven are not facts.
        lane, kind = event.lane or OTHER, event.kind or OTHER
        self._deliveries.labels(self._agency(event.mailbox), lane, kind, "failed").inc()
        verdict = _VERDICTS.get(event.problem.code)
        if verdict is None and event.stage is not Stage.VERIFY:
            verdict = _VERIFIED
        if verdict is not None:
            self._verdicts.labels(verdict).inc()

    def _set_up(self, mailbox: MailboxName, *, up: bool) -> None:
        self._endpoint_up.labels(self._agency(mailbox)).set(up)

    def _agency(self, mailbox: MailboxName) -> str:
        return mailbox if mailbox in self._known else OTHER
