"""Snapshot: the state and the rates of an axis, from two scrapes some seconds apart."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bus.observability.scrape import Scrape, quantile

_DAY_SECONDS = 86_400
_EVER = Scrape(at=float("-inf"), axis={})


class Broker(StrEnum):
    """The state of the broker, as all processes together see it."""

    READY = "ready"
    BLOCKED = "blocked"
    AWAY = "away"


@dataclass(frozen=True, kw_only=True, slots=True)
class AgencyRow:
    """One agency. Rates are per second, times in seconds.

    Attributes:
        worker_away: It has its own worker, and nobody consumes from its mailbox.
    """

    agency: str
    sent_per_second: float
    received_per_second: float
    oldest_waiting_seconds: float
    outbox_oldest_seconds: float
    failing_per_second: float
    suspended: bool
    paused: bool
    worker_away: bool
    retries_waiting: int
    dead_letters: int
    certificate_days: float | None
    last_success_seconds: float | None
    sent: int
    received: int
    failed: int
    refused: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The axis at a glance. Rates are per second, times in seconds.

    Attributes:
        p50_seconds: End to end, of what was handed over between the scrapes; if nothing was, of
            everything since the start.
        unaccounted: Must be 0; None when it was not counted yet.
    """

    sent_per_second: float
    received_per_second: float
    p50_seconds: float | None
    p99_seconds: float | None
    broker: Broker
    accepted: int
    delivered: int
    waiting: int
    stopped: int
    unaccounted: int
    dead_letters: dict[str, int]
    workers_running: int
    workers_wanted: int
    agencies: tuple[AgencyRow, ...]


def compare(
    before: Scrape, after: Scrape, *, now: float, suspended: Collection[str] = ()
) -> Snapshot:
    """Make a snapshot.

    Args:
        before: An earlier scrape of the same axis; the same one gives no rates.
        now: Seconds since 1970.
        suspended: Agencies that may neither send nor receive now.
    """
    p50, p99 = _latency(before, after)
    return Snapshot(
        sent_per_second=_rate(before, after, "envelopes_sent_total"),
        received_per_second=_rate(before, after, "deliveries_total", outcome="handed_over"),
        p50_seconds=p50,
        p99_seconds=p99,
        broker=_broker(after),
        accepted=_count(after, "deliveries_accepted"),
        delivered=_count(after, "deliveries_delivered"),
        waiting=_count(after, "deliveries_waiting"),
        stopped=_count(after, "deliveries_parked"),
        unaccounted=_count(after, "deliveries_unaccounted"),
        dead_letters={k: int(v) for k, v in sorted(after.by("dead_letters", "state").items())},
        workers_running=_count(after, "workers_running"),
        workers_wanted=_count(after, "workers_wanted"),
        agencies=tuple(
            _row(each, before, after, now, suspended=each in suspended) for each in _agencies(after)
        ),
    )


def _agencies(scrape: Scrape) -> Sequence[str]:
    """The agencies that are served here, and all others with a value that is not 0."""
    served = scrape.by("endpoint_up", "agency").keys()
    active = scrape.by("deliveries_total", "agency").keys()
    burdened = {a for a, n in scrape.by("dead_letters_of_agency", "agency").items() if n}
    waiting = {a for a, n in scrape.by("oldest_undelivered_seconds", "agency").items() if n}
    elsewhere = scrape.by("agency_worker_connected", "agency").keys()
    return sorted(served | active | burdened | waiting | elsewhere)


def _row(agency: str, before: Scrape, after: Scrape, now: float, *, suspended: bool) -> AgencyRow:
    left = after.value("certificate_left_seconds", agency=agency)
    success = after.value("last_success_timestamp_seconds", agency=agency)
    return AgencyRow(
        agency=agency,
        sent_per_second=_rate(before, after, "envelopes_sent_total", agency=agency),
        received_per_second=_rate(
            before, after, "deliveries_total", agency=agency, outcome="handed_over"
        ),
        oldest_waiting_seconds=after.value("oldest_undelivered_seconds", agency=agency) or 0.0,
        outbox_oldest_seconds=after.value("outbox_oldest_seconds", agency=agency) or 0.0,
        failing_per_second=_rate(before, after, "failures_total", agency=agency),
        suspended=suspended,
        paused=after.value("endpoint_up", agency=agency) == 0,
        worker_away=after.value("agency_worker_connected", agency=agency) == 0,
        retries_waiting=int(after.value("retries_waiting", agency=agency) or 0),
        dead_letters=int(after.value("dead_letters_of_agency", agency=agency) or 0),
        certificate_days=None if left is None else left / _DAY_SECONDS,
        last_success_seconds=None if success is None else max(0.0, now - success),
        sent=int(after.total("envelopes_sent_total", agency=agency)),
        received=int(after.total("deliveries_total", agency=agency, outcome="handed_over")),
        failed=int(after.total("failures_total", agency=agency)),
        refused=int(after.total("submissions_total", agency=agency, outcome="refused")),
    )


def _rate(before: Scrape, after: Scrape, name: str, **labels: str) -> float:
    seconds = after.at - before.at
    if seconds <= 0:
        return 0.0
    # A lower value means that the counter was started again.
    return max(0.0, after.total(name, **labels) - before.total(name, **labels)) / seconds


def _latency(before: Scrape, after: Scrape) -> tuple[float | None, float | None]:
    for since in (before, _EVER):
        newer, older = (r.by("end_to_end_seconds_bucket", "le") for r in (after, since))
        buckets = {float(le): count - older.get(le, 0.0) for le, count in newer.items()}
        p50, p99 = quantile(0.5, buckets), quantile(0.99, buckets)
        if p50 is not None:
            return p50, p99
    return None, None


def _broker(scrape: Scrape) -> Broker:
    processes = [each for each in scrape.processes if each is not None]
    if any(0 in each.get("broker_connected", {}).values() for each in processes):
        return Broker.AWAY
    blocked = any(1 in each.get("broker_blocked", {}).values() for each in processes)
    return Broker.BLOCKED if blocked else Broker.READY


def _count(scrape: Scrape, name: str) -> int:
    return int(scrape.value(name) or 0)
