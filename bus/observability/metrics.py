"""Metrics: what the events and gauges of one process change in what it shows under `/metrics`.

Names follow Prometheus' conventions. Labels are few and bounded: agencies of the directory and
words of the code, never an id or free text. What each means: docs/metrics.md.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from math import inf

from bus.core.events import (
    FailureRecorded,
    ItemSkipped,
    LettersRedelivered,
    ProcessEnded,
    ServiceEnded,
    ServiceName,
)
from bus.core.failure import Stage
from bus.core.gauges import Gauge as GaugeName
from bus.core.gauges import Measurement, ZeroFor, seconds_since
from bus.core.key_events import KeyFileRefused, RevocationSourceAsked
from bus.observability.path_metrics import PathMetrics
from bus.ports import Clock
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName

_FAILS = {
    Stage.VERIFY: (FailureClass.SECURITY, FailureClass.SENDER, FailureClass.OURS),
    Stage.OPEN: (FailureClass.SECURITY, FailureClass.SENDER, FailureClass.OURS),
    Stage.CLAIM: (FailureClass.CONFLICT, FailureClass.OURS),
    Stage.FETCH: (FailureClass.NOT_THERE_YET, FailureClass.SENDER, FailureClass.OURS),
    Stage.HAND_OVER: (
        FailureClass.RECIPIENT_DOWN,
        FailureClass.RECIPIENT_REFUSED,
        FailureClass.SECURITY,
        FailureClass.SENDER,
        FailureClass.OURS,
    ),
    Stage.MAILBOX: (FailureClass.DELIVERY_LIMIT, FailureClass.EXPIRED),
}
"""What can fail at which stage, so that its counters can begin at 0."""
_MOST_FROM_ZERO = 500
"""With more agencies than this, counters that begin at 0 would make each scrape too large."""


class AxisMetrics(PathMetrics):
    """The metrics of one process of an axis; the axis is the sum over its processes."""

    def __init__(self, *, version: str, clock: Clock, has_broker: bool = True) -> None:
        super().__init__(version=version, clock=clock, has_broker=has_broker)
        self._served: frozenset[MailboxName] = frozenset()
        self._gauges = {
            each: self._gauge(each.metric, each.text, *each.labels) for each in GaugeName
        }
        self._shown: dict[GaugeName, set[tuple[str, ...]]] = {each: set() for each in GaugeName}
        self._running = self._gauge("workers_running", "Workers of this home that run.")
        self._wanted = self._gauge("workers_wanted", "Workers of this home that should run.")
        self._count_dead_letters()
        self._count_services()
        self._watch_revocations()

    def knowing(self, known: Iterable[MailboxName]) -> None:
        """Set the mailboxes of the directory: only these are values of the label `agency`."""
        now_known = frozenset(known)
        if len(now_known) <= _MOST_FROM_ZERO:
            for mailbox in now_known - self._known:
                for stage, classes in _FAILS.items():
                    for failure_class in classes:
                        self._failures.labels(mailbox, stage, failure_class)
        self._known = now_known

    def serving(self, served: Iterable[MailboxName]) -> None:
        """Set the mailboxes that this process serves now."""
        now_served = frozenset(served)
        for mailbox in now_served - self._served:
            self._endpoint_up.labels(mailbox).set(1)
            if len(now_served) <= _MOST_FROM_ZERO:
                self._begin_traffic(mailbox)
        for mailbox in self._served - now_served:
            # The process that serves it now shows its gauges; what was counted here stays.
            for gauge in (self._endpoint_up, self._gauges[GaugeName.OUTBOX_OLDEST]):
                with suppress(KeyError):
                    gauge.remove(mailbox)
        self._served = now_served

    def running(self, workers: int, *, wanted: int) -> None:
        """Show how many workers of a parent run, and how many should."""
        self._running.set(workers)
        self._wanted.set(wanted)

    def show(self, measured: Measurement) -> None:
        """Show the gauges that were measured; label values that are no longer there vanish."""
        for gauge, values in measured.items():
            by_labels = self._with_zeros(gauge)
            for labels, value in values.items():
                key = labels
                if gauge.labels[:1] == ("agency",):
                    key = (self._agency(MailboxName(labels[0])), *labels[1:])
                by_labels[key] = max(by_labels.get(key, value), value)
            shown = self._gauges[gauge]
            for labels in self._shown[gauge] - by_labels.keys():
                with suppress(KeyError):
                    shown.remove(*labels)
            for labels, value in by_labels.items():
                (shown.labels(*labels) if labels else shown).set(value)
            self._shown[gauge] = set(by_labels)

    def _with_zeros(self, gauge: GaugeName) -> dict[tuple[str, ...], float]:
        zero_for = {ZeroFor.ALL: self._known, ZeroFor.SERVED: self._served}
        return {(mailbox,): 0.0 for mailbox in zero_for.get(gauge.zero_for, ())}

    def _count_dead_letters(self) -> None:
        self._failures = self._counter(
            "failures",
            "Failed attempts that became, or came back as, dead letters.",
            *("agency", "stage", "failure_class"),
        )
        replays = self._counter(
            "dead_letter_replays",
            "Dead letters that operators' orders brought back into mailboxes, and failures that "
            "followed.",
            "outcome",
        )
        redelivered, returned = replays.labels("redelivered"), replays.labels("returned")
        retries = self._counter(
            "dead_letter_retries", "Dead letters brought back into mailboxes by their schedule."
        )

        def recorded(event: FailureRecorded) -> None:
            agency = self._agency(event.mailbox)
            self._failures.labels(agency, event.stage, event.failure_class).inc()
            if event.returned:
                returned.inc()

        def back(event: LettersRedelivered) -> None:
            (retries if event.order is None else redelivered).inc(event.count)

        self._handlers.on(FailureRecorded, recorded)
        self._handlers.on(LettersRedelivered, back)

    def _count_services(self) -> None:
        processes = self._counter("worker_failures", "Processes of this home that ended unasked.")
        services = self._counter(
            "service_failures",
            "Services of the axis that ended with an unexpected error, and were started again.",
            "service",
        )
        skipped = self._counter(
            "items_skipped",
            "Items (files, certificates, lists) that failed with an unexpected error.",
            "service",
        )
        for service in ServiceName:
            services.labels(service)
            skipped.labels(service)
        self._handlers.on(ProcessEnded, lambda _: processes.inc())
        self._handlers.on(ServiceEnded, lambda event: services.labels(event.service).inc())
        self._handlers.on(ItemSkipped, lambda event: skipped.labels(event.service).inc())
        self._handlers.on(KeyFileRefused, lambda _: skipped.labels(ServiceName.KEYS).inc())

    def _watch_revocations(self) -> None:
        gauge = self._gauge(
            "revocation_age_seconds",
            "Time since a source of revocations last gave a valid answer; infinite: never.",
            "authority",
        )

        def age(answered_at: datetime | None) -> float:
            return inf if answered_at is None else seconds_since(answered_at, self._clock())

        self._handlers.on(
            RevocationSourceAsked,
            lambda event: gauge.labels(event.source).set_function(partial(age, event.answered_at)),
        )
