"""Metrics: every metric that is kept, and what each event and each sight changes in them.

Names follow Prometheus' conventions. Labels are few and bounded: agencies of the directory and
words of the code, never an id or free text. What each means: docs/metrics.md.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import inf
from typing import assert_never

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from bus.core.dead_letters.letter import LetterState
from bus.core.events import (
    CertificateEndNeared,
    CertificateRevoked,
    DeliveryFailed,
    DeliveryHandedOver,
    DuplicateAbsorbed,
    EndpointPaused,
    EndpointResumed,
    EnvelopeSent,
    Event,
    FailureRecorded,
    ForgeryRefused,
    FormatLost,
    ItemSkipped,
    KeyFileRefused,
    LettersRedelivered,
    ProcessEnded,
    RevocationGraceEnded,
    RevocationSourceAsked,
    RevocationSourceLost,
    RevocationSourceReturned,
    SendingPaused,
    SendingResumed,
    ServiceEnded,
    ServiceName,
    SigningKeyChanged,
    SubmissionRefused,
    WorkerStarted,
    WorkStalled,
)
from bus.core.failure import Stage
from bus.core.gauges import (
    FOR_OPERATORS,
    Account,
    Certificates,
    Letters,
    Outboxes,
    OwnWorkersSeen,
    PendingOffers,
    Sight,
)
from bus.core.topology import DOCUMENTS, FAILURES, REDELIVERY
from bus.ports import BrokerHealth, Clock, PublishOutcome
from schemas.codes import EnvelopeKind, Lane, StatusCode
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName

# A second series for each, with the moment at which it began, tells nobody anything.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

OTHER = "other"
"""What is not known by name: the wire may say anything, and labels must stay few."""

_DAY_SECONDS = 86_400
_WORK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_WAY = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, _DAY_SECONDS)
_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

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
_TRAVELS = (
    (Lane.EXPRESS, EnvelopeKind.DOCUMENT),
    (Lane.STANDARD, EnvelopeKind.DOCUMENT),
    (Lane.EXPRESS, EnvelopeKind.RECEIPT),
)
_ENDS = ("handed_over", "duplicate", "failed")
_FAILS: Mapping[Stage, tuple[FailureClass, ...]] = {
    Stage.VERIFY: (FailureClass.SECURITY, FailureClass.SENDER, FailureClass.OURS),
    Stage.OPEN: (FailureClass.SECURITY, FailureClass.SENDER, FailureClass.OURS),
    Stage.CLAIM: (FailureClass.CONFLICT, FailureClass.OURS),
    Stage.HAND_OVER: (
        FailureClass.RECIPIENT_DOWN,
        FailureClass.RECIPIENT_REFUSED,
        FailureClass.SECURITY,
        FailureClass.SENDER,
        FailureClass.OURS,
    ),
    Stage.MAILBOX: (FailureClass.DELIVERY_LIMIT, FailureClass.EXPIRED),
}
"""What fails where, so that its counters can begin at 0."""
_MOST_FROM_ZERO = 500
"""Agencies whose counters are there from the start; of more, they would fill each scrape."""


class ProcessMetrics:
    """What every process of an axis keeps, in a registry of its own.

    Args:
        has_broker: Whether the process has connections to the broker.
    """

    def __init__(self, *, version: str, has_broker: bool = True) -> None:
        self.registry = registry = CollectorRegistry()
        of_broker = registry if has_broker else None
        self._published: dict[tuple[str, PublishOutcome], Counter] = {}
        ProcessCollector(registry=registry)
        Info("lienthong_build", "The running version.", registry=registry).info(
            {"version": version}
        )
        self._publishes = Counter(
            "lienthong_publishes",
            "Publishes by what the broker answered; unknown is no answer in time.",
            ("exchange", "outcome"),
            registry=registry,
        )
        # A counter that is born with its first count shows no rate of it: known ones begin at 0.
        for exchange in (DOCUMENTS, FAILURES, REDELIVERY):
            for outcome in PublishOutcome:
                self._publishes.labels(exchange, outcome)
        self._lag = Histogram(
            "lienthong_event_loop_lag_seconds",
            "How late the event loop of this process turns, sampled twice a second.",
            buckets=_LAG,
            registry=registry,
        )
        self._connected = Gauge(
            "lienthong_broker_connected",
            "1 while this process has both its connections to the broker.",
            registry=of_broker,
        )
        self._blocked = Gauge(
            "lienthong_broker_blocked",
            "1 while the broker takes no publishes from this process (alarm).",
            registry=of_broker,
        )

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """Count one publish."""
        counter = self._published.get((exchange, outcome))
        if counter is None:
            # Looked up once: finding a series costs more than counting in it.
            counter = self._published[exchange, outcome] = self._publishes.labels(exchange, outcome)
        counter.inc()

    def lagged(self, seconds: float) -> None:
        """Keep one sample of the event loop's lag."""
        self._lag.observe(seconds)

    def broker_is(self, health: BrokerHealth) -> None:
        """Show how the broker looks from this process."""
        self._connected.set(health is not BrokerHealth.AWAY)
        self._blocked.set(health is BrokerHealth.BLOCKED)


class AxisMetrics(ProcessMetrics):
    """What happens in a process of an axis, as events and gauges tell it.

    Each process keeps its own; the whole of the axis is the sum over its processes.
    """

    def __init__(self, *, version: str, clock: Clock, has_broker: bool = True) -> None:
        super().__init__(version=version, has_broker=has_broker)
        self._clock = clock
        self._arrivals: dict[tuple[str, Lane, EnvelopeKind], _Arrivals] = {}
        self._known: frozenset[MailboxName] = frozenset()
        self._served: frozenset[MailboxName] = frozenset()
        self._shown: dict[Gauge, set[tuple[str, ...]]] = {}
        self._define_counters()
        self._define_histograms()
        self._define_gauges()

    # --- definitions ---

    def _define_counters(self) -> None:
        self._submissions = self._counter(
            "submissions",
            "Files that agencies' systems dropped, by what became of them.",
            "agency",
            "outcome",
        )
        self._envelopes_sent = self._counter(
            "envelopes_sent",
            "Envelopes that every recipient's mailbox has confirmed, by their sender.",
            "agency",
            "lane",
            "kind",
        )
        self._deliveries = self._counter(
            "deliveries",
            "Attempts at deliveries that have ended, by their recipient.",
            "agency",
            "lane",
            "kind",
            "outcome",
        )
        self._failures = self._counter(
            "failures",
            "Failed attempts that became, or came back as, dead letters.",
            "agency",
            "stage",
            "failure_class",
        )
        self._receipts = self._counter(
            "receipts", "Statuses handed over to the system of a sender.", "agency", "status"
        )
        self._verdicts = self._counter(
            "signature_verdicts",
            "What the proof of each delivery's signature said, once for each ended attempt.",
            "verdict",
        )
        for verdict in (_VERIFIED, *_VERDICTS.values()):
            self._verdicts.labels(verdict)
        self._worker_failures = self._counter(
            "worker_failures", "Processes of this home that ended unasked."
        )
        self._service_failures = self._counter(
            "service_failures",
            "Services of the axis that died of what nobody expected, and were started again.",
            "service",
        )
        self._skipped = self._counter(
            "items_skipped",
            "Items (files, certificates, lists) that failed in a way that nobody expected.",
            "service",
        )
        for service in ServiceName:
            self._service_failures.labels(service)
            self._skipped.labels(service)
        self._replays = self._counter(
            "dead_letter_replays",
            "Dead letters that operators' orders brought back into mailboxes, and failures that "
            "followed.",
            "outcome",
        )
        for outcome in ("redelivered", "returned"):
            self._replays.labels(outcome)
        self._retries = self._counter(
            "dead_letter_retries", "Dead letters brought back into mailboxes by their schedule."
        )

    def _define_histograms(self) -> None:
        self._hand_over = self._histogram(
            "hand_over_seconds", "From the claim of a delivery to its hand-over.", _WORK, "lane"
        )
        self._end_to_end = self._histogram(
            "end_to_end_seconds",
            "From the signature of an envelope to its hand-over.",
            _WAY,
            "lane",
        )
        for lane in Lane:
            self._hand_over.labels(lane)
            self._end_to_end.labels(lane)
        self._first_status = self._histogram(
            "first_status_seconds",
            "From the sending of a document to the automatic receipt of each recipient.",
            _WAY,
        )

    def _define_gauges(self) -> None:
        self._oldest_undelivered = self._gauge(
            "oldest_undelivered_seconds",
            "Age of the oldest document that waits for an agency; 0: none.",
            "agency",
        )
        self._last_success = self._gauge(
            "last_success_timestamp_seconds",
            "When something was last handed over to an agency, since this start.",
            "agency",
        )
        self._outbox_oldest = self._gauge(
            "outbox_oldest_seconds",
            "Age of the oldest file in an agency's outbox; 0: it is empty.",
            "agency",
        )
        self._offers = self._gauge(
            "offers_pending",
            "Deliveries that an agency's system has, and has not answered.",
            "agency",
        )
        self._oldest_offer = self._gauge(
            "oldest_offer_seconds",
            "Age of the oldest delivery that an agency's system has not answered; 0: none.",
            "agency",
        )
        self._endpoint_up = self._gauge(
            "endpoint_up", "1: served; 0: paused, for the agency's system is away.", "agency"
        )
        self._worker_connected = self._gauge(
            "agency_worker_connected",
            "Of an agency with its own worker: 1 while somebody takes from its mailbox, else 0.",
            "agency",
        )
        self._retries_waiting = self._gauge(
            "retries_waiting", "Dead letters of an agency that wait for their retry.", "agency"
        )
        self._letters = self._gauge(
            "dead_letters", "Dead letters by class and state.", "failure_class", "state"
        )
        self._letters_of_agency = self._gauge(
            "dead_letters_of_agency", "Parked and quarantined dead letters of an agency.", "agency"
        )
        self._oldest_letter = self._gauge(
            "oldest_dead_letter_seconds",
            "Age of the last failure of the dead letter that waits longest for an operator.",
        )
        self._certificate_left = self._gauge(
            "certificate_left_seconds",
            "Until the last certificate of an agency ends; negative afterwards.",
            "agency",
        )
        self._revocation_age = self._gauge(
            "revocation_age_seconds",
            "Since a source of revocations last gave an answer that counts; infinite: never.",
            "authority",
        )
        self._running = self._gauge("workers_running", "Workers of this home that run.")
        self._wanted = self._gauge("workers_wanted", "Workers that should.")
        self._accepted = self._gauge(
            "deliveries_accepted", "Deliveries of documents that the broker has confirmed, ever."
        )
        self._delivered = self._gauge("deliveries_delivered", "Of these: handed over.")
        self._waiting = self._gauge(
            "deliveries_waiting", "Of these: in a mailbox, under work, or waiting for a retry."
        )
        self._parked = self._gauge(
            "deliveries_parked",
            "Of these: dead letters that wait for an operator or were given up.",
        )
        self._unaccounted = self._gauge(
            "deliveries_unaccounted",
            "Accepted - delivered - waiting - parked: nobody has them. Must be 0; said only of "
            "what was missing in two looks in a row.",
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"lienthong_{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"lienthong_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"lienthong_{name}", text, labels, registry=self.registry)

    # --- events ---

    def __call__(self, event: Event) -> None:
        """Take from one event what it says."""
        match event:
            case EnvelopeSent() | SubmissionRefused():
                self._submitted(event)
            case DeliveryHandedOver():
                self._handed_over(event)
            case DuplicateAbsorbed() | DeliveryFailed():
                self._not_handed_over(event)
            case FailureRecorded() | LettersRedelivered():
                self._about_letters(event)
            case EndpointPaused() | EndpointResumed():
                up = isinstance(event, EndpointResumed)
                self._endpoint_up.labels(self._agency(event.mailbox)).set(up)
            case ProcessEnded():
                self._worker_failures.inc()
            case ServiceEnded() | ItemSkipped() | KeyFileRefused():
                self._unexpected(event)
            case RevocationSourceAsked():
                age = partial(self._age_of, event.answered_at)
                self._revocation_age.labels(event.source).set_function(age)
            case (
                ForgeryRefused()  # told with the failure already
                | WorkerStarted()
                | WorkStalled()
                | SendingPaused()  # the age of the outbox tells
                | SendingResumed()
                | FormatLost()  # what it was lost over is counted where it fails
                | CertificateEndNeared()
                | CertificateRevoked()
                | SigningKeyChanged()
                | RevocationSourceLost()
                | RevocationGraceEnded()
                | RevocationSourceReturned()
            ):
                pass
            case _ as never:
                assert_never(never)

    def _unexpected(self, event: ServiceEnded | ItemSkipped | KeyFileRefused) -> None:
        match event:
            case ServiceEnded():
                self._service_failures.labels(event.service).inc()
            case ItemSkipped():
                self._skipped.labels(event.service).inc()
            case KeyFileRefused():
                self._skipped.labels(ServiceName.KEYS).inc()
            case _ as never:
                assert_never(never)

    def _submitted(self, event: EnvelopeSent | SubmissionRefused) -> None:
        agency = self._agency(event.mailbox)
        if isinstance(event, SubmissionRefused):
            self._submissions.labels(agency, "refused").inc()
        else:
            self._submissions.labels(agency, "accepted").inc()
            self._envelopes_sent.labels(agency, event.lane, event.kind).inc()

    def _not_handed_over(self, event: DuplicateAbsorbed | DeliveryFailed) -> None:
        if isinstance(event, DuplicateAbsorbed):
            self._ended(event, "duplicate")
            self._verdicts.labels(_VERIFIED).inc()
        else:
            self._ended(event, "failed")
            self._judged(event)

    def _about_letters(self, event: FailureRecorded | LettersRedelivered) -> None:
        if isinstance(event, FailureRecorded):
            agency = self._agency(event.mailbox)
            self._failures.labels(agency, event.stage, event.failure_class).inc()
            if event.returned:
                self._replays.labels("returned").inc()
        elif event.order is None:
            self._retries.inc(event.count)
        else:
            self._replays.labels("redelivered").inc(event.count)

    def _age_of(self, answered_at: datetime | None) -> float:
        return inf if answered_at is None else _seconds(answered_at, self._clock())

    def _handed_over(self, event: DeliveryHandedOver) -> None:
        agency = self._agency(event.mailbox)
        trace = {"trace_id": event.trace} if event.trace else None
        key = agency, event.lane, event.kind
        arrivals = self._arrivals.get(key)
        if arrivals is None:
            arrivals = self._arrivals[key] = self._arrivals_of(*key)
        arrivals.count.inc()
        arrivals.verified.inc()
        arrivals.hand_over.observe(event.took.total_seconds(), trace)
        arrivals.end_to_end.observe(event.age.total_seconds(), trace)
        arrivals.last_success.set(self._clock().timestamp())
        # It proves that the system is there, should the worker that paused have crashed.
        arrivals.endpoint_up.set(1)
        if event.kind is EnvelopeKind.RECEIPT:
            known = event.status in _KNOWN_STATUSES
            self._receipts.labels(agency, event.status if known else OTHER).inc()
        if event.answered_after is not None:
            self._first_status.observe(event.answered_after.total_seconds(), trace)

    def _arrivals_of(self, agency: str, lane: Lane, kind: EnvelopeKind) -> "_Arrivals":
        return _Arrivals(
            count=self._deliveries.labels(agency, lane, kind, "handed_over"),
            verified=self._verdicts.labels(_VERIFIED),
            hand_over=self._hand_over.labels(lane),
            end_to_end=self._end_to_end.labels(lane),
            last_success=self._last_success.labels(agency),
            endpoint_up=self._endpoint_up.labels(agency),
        )

    def _ended(self, event: DuplicateAbsorbed | DeliveryFailed, outcome: str) -> None:
        # Of what could not be proven, neither lane nor kind is a fact.
        self._deliveries.labels(
            self._agency(event.mailbox), event.lane or OTHER, event.kind or OTHER, outcome
        ).inc()

    def _judged(self, event: DeliveryFailed) -> None:
        verdict = _VERDICTS.get(event.problem.code)
        if verdict is None and event.stage is not Stage.VERIFY:
            verdict = _VERIFIED
        if verdict is not None:
            self._verdicts.labels(verdict).inc()

    def _agency(self, mailbox: MailboxName) -> str:
        return mailbox if mailbox in self._known else OTHER

    # --- sights ---

    def knowing(self, known: Iterable[MailboxName]) -> None:
        """Take the mailboxes of the directory: only these are labels."""
        now_known = frozenset(known)
        if len(now_known) <= _MOST_FROM_ZERO:
            for mailbox in now_known - self._known:
                self._begin_failures(mailbox)
        self._known = now_known

    def serving(self, served: Iterable[MailboxName]) -> None:
        """Take the mailboxes that this process serves now."""
        now_served = frozenset(served)
        for mailbox in now_served - self._served:
            self._endpoint_up.labels(mailbox).set(1)
            if len(now_served) <= _MOST_FROM_ZERO:
                self._begin_traffic(mailbox)
        for mailbox in self._served - now_served:
            # Who serves it now shows it; what was counted here stays.
            for gauge in (self._endpoint_up, self._outbox_oldest):
                with suppress(KeyError):
                    gauge.remove(mailbox)
        self._served = now_served

    def running(self, workers: int, *, wanted: int) -> None:
        """Show how many workers of a parent run, and how many should."""
        self._running.set(workers)
        self._wanted.set(wanted)

    def _begin_traffic(self, agency: MailboxName) -> None:
        """Let the counters of an agency that is served here begin at 0."""
        for outcome in ("accepted", "refused"):
            self._submissions.labels(agency, outcome)
        for lane, kind in _TRAVELS:
            self._envelopes_sent.labels(agency, lane, kind)
            for outcome in _ENDS:
                self._deliveries.labels(agency, lane, kind, outcome)
        self._deliveries.labels(agency, OTHER, OTHER, "failed")
        for status in StatusCode:
            self._receipts.labels(agency, status)

    def _begin_failures(self, agency: MailboxName) -> None:
        for stage, classes in _FAILS.items():
            for failure_class in classes:
                self._failures.labels(agency, stage, failure_class)

    def see(self, sight: Sight) -> None:
        """Show what was seen; what was there before and is no longer vanishes."""
        match sight:
            case Account():
                self._see_account(sight)
            case Letters():
                self._see_letters(sight)
            case Outboxes():
                ages = dict.fromkeys(self._served, 0.0)
                ages |= {m: age.total_seconds() for m, age in sight.oldest.items()}
                self._replace(self._outbox_oldest, {(m,): age for m, age in ages.items()})
            case PendingOffers():
                self._replace(self._offers, self._of_all(sight.count))
                now = self._clock()
                ages = {m: _seconds(since, now) for m, since in sight.oldest.items()}
                self._replace(self._oldest_offer, self._of_all(ages))
            case OwnWorkersSeen():
                self._replace(
                    self._worker_connected,
                    {(self._agency(m),): float(up) for m, up in sight.connected.items()},
                )
            case Certificates():
                now = self._clock()
                self._replace(
                    self._certificate_left,
                    {
                        (self._agency(mailbox),): (end - now).total_seconds()
                        for mailbox, end in sight.ends.items()
                    },
                )
            case _ as never:
                assert_never(never)

    def _see_account(self, account: Account) -> None:
        self._accepted.set(account.accepted)
        self._delivered.set(account.delivered)
        self._waiting.set(account.waiting)
        self._parked.set(account.parked)
        self._unaccounted.set(account.unaccounted)
        now = self._clock()
        ages = {m: _seconds(since, now) for m, since in account.oldest.items()}
        self._replace(self._oldest_undelivered, self._of_all(ages))

    def _see_letters(self, letters: Letters) -> None:
        now = self._clock()
        by_class: Tally[tuple[str, ...]] = Tally()
        retries: Tally[MailboxName] = Tally()
        operators: Tally[MailboxName] = Tally()
        for cause in letters.causes:
            for state, count in cause.counts.items():
                by_class[cause.failure_class, state] += count
            retries[cause.mailbox] += cause.counts.get(LetterState.WAITING, 0)
            operators[cause.mailbox] += sum(cause.counts.get(s, 0) for s in FOR_OPERATORS)
        self._replace(self._letters, by_class)
        self._replace(self._retries_waiting, self._of_all(retries))
        self._replace(self._letters_of_agency, self._of_all(operators))
        self._oldest_letter.set(_seconds(letters.oldest, now) if letters.oldest else 0)

    def _of_all(self, seen: Mapping[MailboxName, float]) -> dict[tuple[str, ...], float]:
        """What is seen of some agencies, and 0 of the others."""
        values: dict[tuple[str, ...], float] = {(m,): 0.0 for m in self._known}
        for mailbox, value in seen.items():
            key = (self._agency(mailbox),)
            values[key] = max(values.get(key, 0.0), value)
        return values

    def _replace(self, gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
        for labels in self._shown.get(gauge, set()) - values.keys():
            gauge.remove(*labels)
        for labels, value in values.items():
            gauge.labels(*labels).set(value)
        self._shown[gauge] = set(values)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Arrivals:
    """The series of hand-overs that agree in all labels: finding them costs more than counting."""

    count: Counter
    verified: Counter
    hand_over: Histogram
    end_to_end: Histogram
    last_success: Gauge
    endpoint_up: Gauge


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
