"""What `lienthong top` makes of metrics, and of keys."""

from datetime import timedelta

import pytest
from prometheus_client import generate_latest
from rich.console import Console, Group

from bus.cli.top.keys import Key, keys_in, press
from bus.cli.top.snapshot import Broker, Snapshot, compare
from bus.cli.top.view import Column, ViewState, one_agency, overview, rows_of
from bus.core.events import DeliveryHandedOver, EndpointPaused
from bus.core.gauges import Account, Gauge, measured_letters
from bus.observability.metrics import AxisMetrics
from bus.observability.scrape import Scrape, quantile, samples_of, together
from bus.ports import BrokerHealth
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from tests.support.letters import NOW
from tests.unit.test_metrics import DOWN, SENT, a_cause, recorded

H24, H41 = MailboxName("H24"), MailboxName("H41")


def metrics() -> AxisMetrics:
    """Of an axis that serves H24 and H41."""
    made = AxisMetrics(version="1", clock=lambda: NOW)
    made.knowing([H24, H41])
    made.serving([H24, H41])
    made.running(1, wanted=2)
    made.broker_is(BrokerHealth.READY)
    return made


def reading(of: AxisMetrics, *, at: float) -> Scrape:
    samples = samples_of(generate_latest(of.registry).decode())
    return Scrape(at=at, axis=samples, processes=(samples,))


def handed_over(seconds: float) -> DeliveryHandedOver:
    return DeliveryHandedOver(
        mailbox=H41,
        kind=EnvelopeKind.DOCUMENT,
        lane=Lane.STANDARD,
        envelope_id=EnvelopeId("e"),
        delivery_id=DeliveryId("d"),
        sender=AgencyCode("H24"),
        file="f",
        status=None,
        age=timedelta(seconds=seconds),
        took=timedelta(seconds=0.01),
    )


@pytest.fixture
def snapshot() -> Snapshot:
    """H24 sent 20 in 10 s; H41 got 10 of them, and then its system went away."""
    axis = metrics()
    axis(SENT)
    before = reading(axis, at=100)
    for _ in range(20):
        axis(SENT)
    for _ in range(10):
        axis(handed_over(0.3))
    axis(EndpointPaused(mailbox=H41, problem=DOWN))
    axis(recorded(returned=False))
    axis.show(
        Account(
            accepted=21,
            delivered=10,
            waiting=9,
            parked=1,
            unaccounted=1,
            oldest={H41: NOW - timedelta(minutes=12)},
        ).measured(NOW)
    )
    axis.show(measured_letters([a_cause(H24, parked=1, waiting=2)], NOW, now=NOW))
    axis.show({Gauge.OUTBOX_OLDEST: {(H24,): 7}})
    axis.show({Gauge.CERTIFICATE_LEFT: {(H24,): 300 * 86_400, (H41,): 6 * 86_400}})
    return compare(before, reading(axis, at=110), now=NOW.timestamp() + 5)


def shown(view: Group, *, width: int = 170) -> str:
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def test_a_snapshot_says_how_the_axis_does(snapshot: Snapshot) -> None:
    assert (snapshot.sent_per_second, snapshot.received_per_second) == (2.0, 1.0)
    assert snapshot.p50_seconds == pytest.approx(0.375)
    assert snapshot.broker is Broker.READY
    assert (snapshot.workers_running, snapshot.workers_wanted) == (1, 2)
    assert (snapshot.accepted, snapshot.unaccounted) == (21, 1)
    assert snapshot.dead_letters == {"parked": 1, "waiting": 2}


def test_a_snapshot_says_how_each_agency_does(snapshot: Snapshot) -> None:
    h24, h41 = snapshot.agencies

    assert (h24.agency, h24.sent_per_second, h24.failing_per_second) == ("H24", 2.0, 0.1)
    assert (h24.dead_letters, h24.retries_waiting, h24.outbox_oldest_seconds) == (1, 2, 7.0)
    assert (h24.paused, h24.last_success_seconds, h24.sent) == (False, None, 21)
    assert (h41.received_per_second, h41.oldest_waiting_seconds, h41.paused) == (1.0, 720.0, True)
    assert h41.last_success_seconds == pytest.approx(5.0)
    assert h41.certificate_days == pytest.approx(6.0)


def test_the_table_shows_both(snapshot: Snapshot) -> None:
    lines = shown(overview(snapshot, ViewState(), width=170)).splitlines()

    assert lines[0] == (
        "2.0 sent/s   1.0 received/s   end to end p50 0.38 s, p99 0.50 s   broker ready   "
        "workers 1/2  missing"
    )
    assert lines[1] == (
        "21 accepted = 10 delivered + 9 waiting + 1 stopped + 1 unaccounted   "
        "dead letters: 1 parked, 2 waiting"
    )
    rows = [line.split() for line in lines[3:6]]
    assert rows[0][:2] == ["agency", "sent/s"]
    assert rows[1] == ["H41", "1.0", "12", "min", "paused", "6", "days"]
    assert rows[2] == ["H24", "2.0", "7", "s", "0.1", "2", "1", "300", "days"]


def test_a_screen_shows_as_many_agencies_as_it_has_room_for(snapshot: Snapshot) -> None:
    lines = shown(overview(snapshot, ViewState(cursor=1), width=170, height=6)).splitlines()

    assert [line.split()[0] for line in lines[4:5]] == ["H24"]
    assert len(lines) <= 6


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("sort", list(Column))
def test_on_a_narrow_screen_no_title_is_cut_and_what_is_left_out_is_named(
    snapshot: Snapshot, width: int, sort: Column
) -> None:
    view = overview(snapshot, ViewState(sort=sort), width=width, height=30)
    text = shown(view, width=width)
    titles = " ".join(text.splitlines())

    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert len(text.splitlines()) <= 30
    for column in Column:
        first = column.short.split("\n", maxsplit=1)[0]
        assert first in titles or column.title in titles
    if width >= 80:
        assert "too narrow" not in text


def test_into_a_pipe_no_keys_are_shown(snapshot: Snapshot) -> None:
    assert "q ends" not in shown(overview(snapshot, ViewState(), width=170))


def test_an_agency_that_waits_says_why() -> None:
    axis = metrics()
    axis.show({Gauge.WORKER_CONNECTED: {(H41,): 0}})
    seen = compare(reading(axis, at=1), reading(axis, at=2), now=0, suspended={"H24"})
    h24, h41 = seen.agencies

    text = shown(overview(seen, ViewState(), width=170))
    assert "suspended" in text
    assert "no worker" in text
    assert "may neither send nor receive" in shown(one_agency(h24, []))
    assert "no adapter runs here" in shown(one_agency(h41, []))


def test_one_agency_is_shown_with_what_its_letters_failed_with(snapshot: Snapshot) -> None:
    text = shown(one_agency(snapshot.agencies[0], [a_cause(H24, parked=1)]))

    assert "E_INTERNAL" in text
    assert "1 parked" in text
    assert "none since the start" in text


def test_a_broker_that_one_process_has_lost_is_away() -> None:
    axis = metrics()
    whole = reading(axis, at=1)
    worker = metrics()
    worker.broker_is(BrokerHealth.AWAY)
    lost = samples_of(generate_latest(worker.registry).decode())

    seen = compare(whole, Scrape(at=2, axis=whole.axis, processes=(whole.axis, None, lost)), now=0)

    assert seen.broker is Broker.AWAY


def test_a_restarted_axis_gives_no_negative_rate() -> None:
    busy, fresh = metrics(), metrics()
    for _ in range(5):
        busy(SENT)

    seen = compare(reading(busy, at=1), reading(fresh, at=2), now=0)

    assert seen.sent_per_second == 0


def test_a_letter_sorts_by_its_column_and_a_filter_narrows(snapshot: Snapshot) -> None:
    by_code = press("a", ViewState(), snapshot)
    typed: ViewState | None = ViewState()
    for key in ("/", "h", "4", "x", Key.BACKSPACE, Key.ENTER):
        assert typed is not None
        typed = press(key, typed, snapshot)

    assert by_code is not None
    assert typed is not None
    assert (by_code.sort, [r.agency for r in rows_of(snapshot, by_code)]) == (
        Column.AGENCY,
        ["H24", "H41"],
    )
    assert ([r.agency for r in rows_of(snapshot, typed)], typed.typing) == (["H41"], False)


def test_enter_opens_the_marked_agency_and_escape_closes_it(snapshot: Snapshot) -> None:
    moved = press(Key.DOWN, ViewState(), snapshot)
    assert moved is not None
    opened = press(Key.ENTER, moved, snapshot)
    assert opened is not None
    closed = press(Key.ESCAPE, opened, snapshot)
    assert closed is not None

    assert (opened.opened, closed.opened, closed.cursor) == ("H24", None, 1)
    assert press("q", opened, snapshot) is None


def test_what_a_terminal_sends_is_read_as_keys() -> None:
    assert keys_in("\x1b[A\x1b[Bq\r\x1b\x7f\x00") == [
        Key.UP,
        Key.DOWN,
        "q",
        Key.ENTER,
        Key.ESCAPE,
        Key.BACKSPACE,
    ]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, 1.0), (0.75, 1.5), (1.0, 2.0)],
)
def test_a_quantile_is_read_from_buckets(share: float, expected: float) -> None:
    buckets = {1.0: 10.0, 2.0: 20.0, float("inf"): 20.0}

    assert quantile(share, buckets) == pytest.approx(expected)
    assert quantile(share, {1.0: 0.0}) is None
    assert quantile(share, {1.0: 0.0, float("inf"): 5.0}) == 1.0


def test_the_samples_of_several_processes_are_one_axis() -> None:
    one, two = metrics(), metrics()
    for _ in range(2):
        one(SENT)
    two(SENT)
    two(handed_over(1.0))

    samples = [samples_of(generate_latest(each.registry).decode()) for each in (one, two)]
    axis = Scrape(at=1, axis=together([*samples, None]))

    assert axis.total("envelopes_sent_total") == 3
    assert axis.value("last_success_timestamp_seconds", agency="H41") == NOW.timestamp()
    assert axis.buckets("end_to_end_seconds")[float("inf")] == 1
