"""Every event and every sight changes exactly the metrics that it should."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import LetterId, LetterState, OrderId
from bus.core.events import (
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
    LettersRedelivered,
    ProcessEnded,
    SendingPaused,
    SendingResumed,
    ServiceEnded,
    ServiceName,
    SubmissionRefused,
    WorkerStarted,
    WorkStalled,
)
from bus.core.failure import Stage
from bus.core.gauges import Account, Gauge, measured_letters
from bus.core.key_events import (
    CertificateEndNeared,
    CertificateRevoked,
    KeyFileRefused,
    RevocationGraceEnded,
    RevocationSourceAsked,
    RevocationSourceLost,
    RevocationSourceReturned,
    SigningKeyChanged,
)
from bus.core.placement import WorkerName
from bus.core.revocation.statement import RevocationReason
from bus.observability.metrics import AxisMetrics
from bus.observability.process_metrics import ProcessMetrics
from bus.ports import BrokerHealth, PublishOutcome
from schemas.codes import EnvelopeKind, Lane
from schemas.errors import FailureClass
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.problem import Problem
from tests.support.letters import NOW

H24, H41 = MailboxName("H24"), MailboxName("H41")
WORKER = WorkerName("1/2")
DOWN = Problem(code="E_ENDPOINT_DOWN", params={"agency": "H24", "cause": "not mounted"})
SECOND = timedelta(seconds=1)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

SENT = EnvelopeSent(
    mailbox=H24,
    kind=EnvelopeKind.DOCUMENT,
    lane=Lane.STANDARD,
    envelope_id=EnvelopeId("e"),
    file="f.edxml",
    recipients=(AgencyCode("H41"),),
    took=SECOND,
)
RECEIPT = DeliveryHandedOver(
    mailbox=H24,
    kind=EnvelopeKind.RECEIPT,
    lane=Lane.EXPRESS,
    envelope_id=EnvelopeId("e"),
    delivery_id=DeliveryId("d"),
    sender=AgencyCode("H41"),
    file="f.edxml",
    status="01",
    age=2 * SECOND,
    took=timedelta(milliseconds=20),
    answered_after=3 * SECOND,
    trace=TRACE,
)


def failed(code: str, stage: Stage, **changes: object) -> DeliveryFailed:
    whole = {"mailbox": H24, "stage": stage, "problem": Problem(code=code), "message_id": "m"}
    return DeliveryFailed(**(whole | changes))  # type: ignore[arg-type]


def recorded(*, returned: bool) -> FailureRecorded:
    return FailureRecorded(
        mailbox=H24,
        letter=LetterId("l"),
        stage=Stage.HAND_OVER,
        failure_class=FailureClass.OURS,
        code="E_INTERNAL",
        fingerprint="f",
        state=LetterState.PARKED,
        attempts=1,
        returned=returned,
    )


def redelivered(order: str | None) -> LettersRedelivered:
    return LettersRedelivered(count=7, order=order and OrderId(order), operator=None)  # type: ignore[arg-type]


CASES: list[tuple[Event, set[str]]] = [
    (
        SENT,
        {
            'lienthong_submissions_total{agency="H24",outcome="accepted"} 1.0',
            'lienthong_envelopes_sent_total{agency="H24",kind="document",lane="standard"} 1.0',
        },
    ),
    (
        SubmissionRefused(mailbox=H24, file="f", problems=(DOWN,)),
        {'lienthong_submissions_total{agency="H24",outcome="refused"} 1.0'},
    ),
    (
        RECEIPT,
        {
            (
                'lienthong_deliveries_total{agency="H24",kind="receipt",lane="express",'
                'outcome="handed_over"} 1.0'
            ),
            'lienthong_signature_verdicts_total{verdict="verified"} 1.0',
            'lienthong_receipts_total{agency="H24",status="01"} 1.0',
            'lienthong_hand_over_seconds_count{lane="express"} 1.0',
            'lienthong_hand_over_seconds_sum{lane="express"} 0.02',
            'lienthong_end_to_end_seconds_count{lane="express"} 1.0',
            'lienthong_end_to_end_seconds_sum{lane="express"} 2.0',
            "lienthong_first_status_seconds_count 1.0",
            "lienthong_first_status_seconds_sum 3.0",
            'lienthong_last_success_timestamp_seconds{agency="H24"} 1.552377600123456e+09',
        },
    ),
    (
        DuplicateAbsorbed(
            mailbox=H24,
            kind=EnvelopeKind.DOCUMENT,
            lane=Lane.STANDARD,
            envelope_id=EnvelopeId("e"),
            delivery_id=DeliveryId("d"),
        ),
        {
            (
                'lienthong_deliveries_total{agency="H24",kind="document",lane="standard",'
                'outcome="duplicate"} 1.0'
            ),
            'lienthong_signature_verdicts_total{verdict="verified"} 1.0',
        },
    ),
    (
        failed("E_CERTIFICATE_EXPIRED", Stage.VERIFY),
        {
            (
                'lienthong_deliveries_total{agency="H24",kind="other",lane="other",'
                'outcome="failed"} 1.0'
            ),
            'lienthong_signature_verdicts_total{verdict="certificate_expired"} 1.0',
        },
    ),
    (
        failed("E_ENDPOINT_DOWN", Stage.HAND_OVER, kind=EnvelopeKind.DOCUMENT, lane=Lane.STANDARD),
        {
            (
                'lienthong_deliveries_total{agency="H24",kind="document",lane="standard",'
                'outcome="failed"} 1.0'
            ),
            'lienthong_signature_verdicts_total{verdict="verified"} 1.0',
        },
    ),
    (
        recorded(returned=True),
        {
            'lienthong_failures_total{agency="H24",failure_class="ours",stage="hand_over"} 1.0',
            'lienthong_dead_letter_replays_total{outcome="returned"} 1.0',
        },
    ),
    (redelivered("o"), {'lienthong_dead_letter_replays_total{outcome="redelivered"} 7.0'}),
    (redelivered(None), {"lienthong_dead_letter_retries_total 7.0"}),
    (EndpointPaused(mailbox=H24, problem=DOWN), {'lienthong_endpoint_up{agency="H24"} 0.0'}),
    (
        EndpointPaused(mailbox=MailboxName("Z99"), problem=DOWN),
        {'lienthong_endpoint_up{agency="other"} 0.0'},
    ),
    (EndpointResumed(mailbox=H41, away=SECOND), {'lienthong_endpoint_up{agency="H41"} 1.0'}),
    (SendingPaused(mailbox=H24, problem=DOWN), set()),
    (SendingResumed(mailbox=H24, away=SECOND), set()),
    (WorkerStarted(worker=WORKER, pid=1, mailboxes=1), set()),
    (
        ProcessEnded(process="worker 1", pid=1, exit_code=None, signal="SIGKILL", pause=SECOND),
        {"lienthong_worker_failures_total 1.0"},
    ),
    (FormatLost(format="acme", work="read", cause="SIGSEGV"), set()),
    (
        RevocationSourceAsked(
            source="http://ca.example/list.crl", answered=True, answered_at=NOW - 60 * SECOND
        ),
        {'lienthong_revocation_age_seconds{authority="http://ca.example/list.crl"} 60.0'},
    ),
    (
        RevocationSourceAsked(source="ocsp", answered=False, answered_at=None),
        {'lienthong_revocation_age_seconds{authority="ocsp"} +Inf'},
    ),
    (
        CertificateRevoked(
            thumbprint="t",
            subject="CN=x",
            at=NOW,
            reason=RevocationReason.KEY_COMPROMISE,
            evidence="e",
        ),
        set(),
    ),
    (RevocationSourceLost(source="s", problem=DOWN, answered_at=None), set()),
    (RevocationGraceEnded(source="s", problem=DOWN, answered_at=None), set()),
    (RevocationSourceReturned(source="s", away=SECOND), set()),
    (CertificateEndNeared(mailbox=H24, thumbprint="t", not_after=NOW, ahead=SECOND), set()),
    (
        ForgeryRefused(mailbox=H24, problem=DOWN, account=None, routing_key="k", message_id="m"),
        set(),
    ),
    (KeyFileRefused(problem=DOWN), {'lienthong_items_skipped_total{service="keys"} 1.0'}),
    (SigningKeyChanged(mailbox=H24, thumbprint="t"), set()),
    (
        ForgeryRefused(
            mailbox=H24,
            problem=Problem(code="E_FORGED"),
            account=None,
            routing_key="H24.G22.express.document",
            message_id="m",
        ),
        set(),
    ),
    (
        ServiceEnded(service=ServiceName.DIRECTORY, of="", problem=DOWN, pause=SECOND),
        {'lienthong_service_failures_total{service="directory"} 1.0'},
    ),
    (
        ItemSkipped(service=ServiceName.KEYS, item="a.pem", problem=DOWN),
        {'lienthong_items_skipped_total{service="keys"} 1.0'},
    ),
    (WorkStalled(mailbox=H24, problem=DOWN, pause=SECOND), set()),
]


@pytest.fixture
def metrics() -> AxisMetrics:
    """Of an axis that knows H24 and H41, and serves H24."""
    made = AxisMetrics(version="1", clock=lambda: NOW)
    made.knowing([H24, H41])
    made.serving([H24])
    return made


def shown(metrics: ProcessMetrics) -> set[str]:
    """The samples, without what the process itself is and the buckets of histograms."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {line for line in lines if line.startswith("lienthong_") and "_bucket" not in line}


@pytest.mark.parametrize(("event", "expected"), CASES, ids=lambda case: type(case).__name__)
def test_an_event_changes_exactly_its_metrics(
    event: Event, expected: set[str], metrics: AxisMetrics
) -> None:
    before = shown(metrics)

    metrics(event)

    assert shown(metrics) - before == expected


@pytest.mark.parametrize(("event", "expected"), CASES, ids=lambda case: type(case).__name__)
def test_what_an_event_counts_was_there_as_zero_before(
    event: Event, expected: set[str], metrics: AxisMetrics
) -> None:
    """Or Prometheus would see no increase in the first count."""
    before = {line.rpartition(" ")[0] for line in shown(metrics)}
    counted = {line.rpartition(" ")[0] for line in expected if "_total" in line}

    assert {line for line in counted if 'agency="other"' not in line} <= before


def test_the_counters_of_publishes_begin_at_zero() -> None:
    lines = shown(ProcessMetrics(version="1"))

    for exchange in ("documents", "failures", "redelivery"):
        for outcome in PublishOutcome:
            series = f'lienthong_publishes_total{{exchange="{exchange}",outcome="{outcome}"}} 0.0'
            assert series in lines


def test_of_very_many_agencies_the_counters_begin_with_what_they_count() -> None:
    made = AxisMetrics(version="1", clock=lambda: NOW)
    many = [MailboxName(f"X{number}") for number in range(2_000)]
    made.knowing(many)
    made.serving(many)

    assert not [line for line in shown(made) if line.startswith("lienthong_deliveries_total")]


def test_every_kind_of_event_is_tried_here() -> None:
    assert {type(event) for event, _ in CASES} == set(Event.__subclasses__())


def test_the_workers_that_run_are_shown_beside_those_that_should(metrics: AxisMetrics) -> None:
    metrics.running(1, wanted=2)

    assert metrics.registry.get_sample_value("lienthong_workers_running") == 1
    assert metrics.registry.get_sample_value("lienthong_workers_wanted") == 2


def test_an_agency_that_another_worker_serves_now_is_shown_there(metrics: AxisMetrics) -> None:
    metrics.serving([H41])

    of = metrics.registry.get_sample_value
    assert of("lienthong_endpoint_up", {"agency": H24}) is None
    assert of("lienthong_endpoint_up", {"agency": H41}) == 1


def test_what_an_unknown_status_or_stranger_says_makes_no_label(metrics: AxisMetrics) -> None:
    stranger = DeliveryHandedOver(
        mailbox=MailboxName("x" * 50),
        kind=EnvelopeKind.RECEIPT,
        lane=Lane.EXPRESS,
        envelope_id=EnvelopeId("e"),
        delivery_id=DeliveryId("d"),
        sender=AgencyCode("H41"),
        file="f",
        status="whatever was written",
        age=SECOND,
        took=SECOND,
    )

    metrics(stranger)

    assert 'lienthong_receipts_total{agency="other",status="other"} 1.0' in shown(metrics)


def test_durations_carry_the_trace_they_belong_to(metrics: AxisMetrics) -> None:
    metrics(RECEIPT)

    text = openmetrics(metrics.registry).decode()  # type: ignore[no-untyped-call]
    exemplars = re.findall(r'lienthong_(\w+)_bucket.* # \{trace_id="(\w+)"\}', text)

    assert exemplars == [
        ("hand_over_seconds", TRACE),
        ("end_to_end_seconds", TRACE),
        ("first_status_seconds", TRACE),
    ]


def test_the_account_is_shown_with_an_age_for_every_agency(metrics: AxisMetrics) -> None:
    before = shown(metrics)

    metrics.show(
        Account(
            accepted=10,
            delivered=6,
            waiting=2,
            parked=1,
            unaccounted=1,
            oldest={H24: NOW - 90 * SECOND},
        ).measured(NOW)
    )

    assert shown(metrics) - before == {
        "lienthong_deliveries_accepted 10.0",
        "lienthong_deliveries_delivered 6.0",
        "lienthong_deliveries_waiting 2.0",
        "lienthong_deliveries_parked 1.0",
        "lienthong_deliveries_unaccounted 1.0",
        'lienthong_oldest_undelivered_seconds{agency="H24"} 90.0',
        'lienthong_oldest_undelivered_seconds{agency="H41"} 0.0',
    }


def a_cause(mailbox: MailboxName, **counts: int) -> Cause:
    return Cause(
        fingerprint="f",
        mailbox=mailbox,
        stage="hand_over",
        failure_class="ours",
        code="E_INTERNAL",
        field=None,
        example=LetterId("l"),
        counts={LetterState(state): count for state, count in counts.items()},
        oldest=NOW,
        newest=NOW,
        recent=0,
        earlier=0,
    )


def test_dead_letters_are_shown_and_vanish_with_their_causes(metrics: AxisMetrics) -> None:
    before = shown(metrics)

    causes = [a_cause(H24, waiting=2, parked=3, quarantined=1), a_cause(H41, parked=4)]
    metrics.show(measured_letters(causes, NOW - 60 * SECOND, now=NOW))

    assert shown(metrics) - before == {
        'lienthong_dead_letters{failure_class="ours",state="waiting"} 2.0',
        'lienthong_dead_letters{failure_class="ours",state="parked"} 7.0',
        'lienthong_dead_letters{failure_class="ours",state="quarantined"} 1.0',
        'lienthong_retries_waiting{agency="H24"} 2.0',
        'lienthong_retries_waiting{agency="H41"} 0.0',
        'lienthong_dead_letters_of_agency{agency="H24"} 4.0',
        'lienthong_dead_letters_of_agency{agency="H41"} 4.0',
        "lienthong_oldest_dead_letter_seconds 60.0",
    }

    metrics.show(measured_letters((), None, now=NOW))

    assert not [line for line in shown(metrics) if line.startswith("lienthong_dead_letters{")]


def test_outboxes_and_certificates_are_shown(metrics: AxisMetrics) -> None:
    before = shown(metrics)

    metrics.show({Gauge.OUTBOX_OLDEST: {(H24,): 5}})
    metrics.show({Gauge.CERTIFICATE_LEFT: {(H24,): 30 * 86_400, (H41,): -86_400}})

    assert shown(metrics) - before == {
        'lienthong_outbox_oldest_seconds{agency="H24"} 5.0',
        'lienthong_certificate_left_seconds{agency="H24"} 2.592e+06',
        'lienthong_certificate_left_seconds{agency="H41"} -86400.0',
    }


def test_offers_without_an_answer_are_shown(metrics: AxisMetrics) -> None:
    before = shown(metrics)

    metrics.show({Gauge.OFFERS_PENDING: {(H24,): 2}, Gauge.OLDEST_OFFER: {(H24,): 3600}})

    assert shown(metrics) - before >= {
        'lienthong_offers_pending{agency="H24"} 2.0',
        'lienthong_oldest_offer_seconds{agency="H24"} 3600.0',
    }


@pytest.mark.parametrize(
    ("health", "connected", "blocked"),
    [(BrokerHealth.READY, 1, 0), (BrokerHealth.BLOCKED, 1, 1), (BrokerHealth.AWAY, 0, 0)],
)
def test_every_process_shows_how_the_broker_looks(
    health: BrokerHealth, connected: int, blocked: int
) -> None:
    metrics = ProcessMetrics(version="1")

    metrics.broker_is(health)

    value = metrics.registry.get_sample_value
    assert (value("lienthong_broker_connected"), value("lienthong_broker_blocked")) == (
        connected,
        blocked,
    )


def test_publishes_are_counted_by_exchange_and_outcome() -> None:
    metrics = ProcessMetrics(version="1")

    metrics.published("documents", PublishOutcome.CONFIRMED)
    metrics.published("documents", PublishOutcome.CONFIRMED)
    metrics.published("failures", PublishOutcome.UNKNOWN)

    assert {line for line in shown(metrics) if "publishes" in line and " 0.0" not in line} == {
        'lienthong_publishes_total{exchange="documents",outcome="confirmed"} 2.0',
        'lienthong_publishes_total{exchange="failures",outcome="unknown"} 1.0',
    }


def test_the_page_about_metrics_names_all_of_them_with_their_labels(metrics: AxisMetrics) -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(lienthong_\w+)` \| ([\w, ]*)\| ([a-z, ]+) \| (?:live|[\d.]+ \w+) \|",
        page,
        re.MULTILINE,
    )
    told = {name: tuple(filter(None, re.split(r"[ ,]+", labels))) for name, labels, _ in rows}
    everywhere = {name for name, _, where in rows if where == "every process"}
    of_broker = {name for name, _, where in rows if where == "worker, dead letters"}

    assert told == _definitions(metrics)
    assert _definitions(ProcessMetrics(version="1")).keys() <= everywhere | of_broker
    without = _definitions(ProcessMetrics(version="1", has_broker=False))
    assert not of_broker & without.keys()


def _definitions(metrics: ProcessMetrics) -> dict[str, tuple[str, ...]]:
    kinds = {"counter": "_total", "info": "_info"}
    found = {}
    for collector in metrics.registry._collector_to_names:
        for family in collector.describe() if hasattr(collector, "describe") else ():
            if family.name.startswith("lienthong_"):
                labels = tuple(getattr(collector, "_labelnames", ()))
                name = family.name + kinds.get(family.type, "")
                found[name] = ("version",) if family.type == "info" else labels
    return found


def test_what_is_served_is_understood_by_a_reader_of_the_format(metrics: AxisMetrics) -> None:
    for event, _ in CASES:
        metrics(event)

    text = generate_latest(metrics.registry).decode()
    families = list(text_string_to_metric_families(text))

    assert all(family.documentation for family in families)
    assert {"lienthong_deliveries", "lienthong_hand_over_seconds"} <= {f.name for f in families}
