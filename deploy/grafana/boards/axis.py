"""The axis at a glance: whether it is well, within ten seconds; why not, within a minute."""

from deploy.grafana.boards.board import Board, Row
from deploy.grafana.boards.panel import Lines, Spans, Table, Tile


def _a_minute(label: str, counter: str) -> str:
    return f"sum by ({label}) (rate({counter}[$__rate_interval])) * 60"


_WELL = Row(
    question="Is it well?",
    panels=(
        Tile(
            title="The axis",
            text="TROUBLE: a critical alarm is firing. LOOK: a warning. The list below says which.",
            query=(
                'clamp_max(count(ALERTS{alertstate="firing",severity="critical"}), 1) * 2 '
                'or clamp_max(count(ALERTS{alertstate="firing",severity="warning"}), 1) '
                "or vector(0)"
            ),
            words={0: "WELL", 1: "LOOK", 2: "TROUBLE"},
            look=1,
            bad=2,
        ),
        Tile(
            title="Agencies away",
            text="Agencies whose system does not answer. Their mailboxes wait; nobody else's do.",
            query="count(agency:lienthong_endpoint_up:min == 0) or vector(0)",
            look=1,
        ),
        Tile(
            title="Oldest undelivered",
            text="How long the oldest delivery has waited, of all agencies. It must be received on "
            "the day it was sent (Decree 30/2020, article 21).",
            query="max(agency:lienthong_oldest_undelivered_seconds:max)",
            unit="dtdurations",
            look=3600,
            bad=28800,
        ),
        Tile(
            title="For operators",
            text="Dead letters that are parked or quarantined: `lienthong dlq groups`.",
            query="sum(failure_class:lienthong_dead_letters_parked:sum) or vector(0)",
            look=1,
            bad=50,
        ),
        Tile(
            title="Unaccounted",
            text="Accepted - delivered - waiting - parked. Anything but 0 is the worst there is.",
            query="max(abs(lienthong_deliveries_unaccounted))",
            bad=1,
        ),
        Tile(
            title="Broker",
            text="Whether every process is connected to RabbitMQ, and none is blocked by it.",
            query="min(lienthong_broker_connected) * (1 - max(lienthong_broker_blocked))",
            words={0: "AWAY OR BLOCKED", 1: "there"},
            falling=True,
            look=1,
        ),
        Tile(
            title="Workers missing",
            text="Workers that should run and do not. Their agencies wait.",
            query="max(lienthong_workers_wanted) - max(lienthong_workers_running)",
            words={0: "none"},
            bad=1,
        ),
        Tile(
            title="Express, p99",
            text="Of a hundred express deliveries, 99 were quicker than this from signature to "
            "hand-over, in the last ten minutes. No data: nothing was delivered.",
            query='lane:lienthong_end_to_end_seconds:p99_10m{lane="express"} >= 0',
            unit="s",
            look=30,
            bad=300,
        ),
    ),
)

_WHY = Row(
    question="Why not?",
    panels=(
        Table(
            title="Alarms that are firing",
            text="Each has a section in docs/alarms.md: meaning, where to look, how to mend it.",
            query='ALERTS{alertstate="firing"}',
            columns={
                "severity": "severity",
                "alertname": "alarm",
                "agency": "agency",
                "failure_class": "class",
                "queue": "queue",
                "job": "job",
                "instance": "instance",
            },
            width=14,
        ),
        Spans(
            title="Whose system was away",
            text="Only agencies that were away at some time of what is shown. One span is one "
            "trouble: an alarm at its start and one at its end.",
            query={
                "{{agency}}": (
                    "agency:lienthong_endpoint_up:min and on (agency) "
                    "min_over_time(agency:lienthong_endpoint_up:min[$__range]) == 0"
                ),
            },
            words={0: "away", 1: "there"},
            width=10,
        ),
    ),
)

_MOVES = Row(
    question="What moves?",
    panels=(
        Lines(
            title="Envelopes sent, a minute",
            text="Documents and reported statuses; automatic receipts are not among them.",
            query={"{{kind}}": _a_minute("kind", "lienthong_envelopes_sent_total")},
        ),
        Lines(
            title="Deliveries, a minute",
            text="By how the attempt ended. Duplicates are normal after a crash: absorbed, and "
            "answered with the first receipt.",
            query={"{{outcome}}": _a_minute("outcome", "lienthong_deliveries_total")},
        ),
        Lines(
            title="Files from agencies, a minute",
            text="Refused ones lie in `refused/` with what is wrong, where, and what to do.",
            query={"{{outcome}}": _a_minute("outcome", "lienthong_submissions_total")},
        ),
        Lines(
            title="From signature to hand-over",
            text="p50 and p99 by lane. The budgets: express 30 s, standard 5 minutes. A system "
            "that comes back brings its backlog along.",
            query={
                "{{lane}} p50": "lane:lienthong_end_to_end_seconds:p50_10m",
                "{{lane}} p99": "lane:lienthong_end_to_end_seconds:p99_10m",
            },
            unit="s",
            limit=30,
        ),
        Lines(
            title="From sending to the first status",
            text="Until the sender's system holds the recipient's automatic receipt. Points are "
            "single documents, with their trace.",
            query={
                "p50": (
                    "histogram_quantile(0.5, sum by (le) "
                    "(rate(lienthong_first_status_seconds_bucket[$__rate_interval])))"
                ),
                "p99": (
                    "histogram_quantile(0.99, sum by (le) "
                    "(rate(lienthong_first_status_seconds_bucket[$__rate_interval])))"
                ),
            },
            exemplars=("p99",),
            unit="s",
        ),
        Lines(
            title="Failed attempts in 15 minutes",
            text="By class: sender, recipient_down, recipient_refused, not_there_yet, ours, "
            "security, conflict, delivery_limit, expired.",
            query={"{{failure_class}}": "failure_class:lienthong_failures:increase15m"},
            stacked=True,
        ),
    ),
)

_WAITS = Row(
    question="What waits?",
    panels=(
        Lines(
            title="Oldest undelivered, ten worst agencies",
            text="A steady climb: the agency takes nothing. A saw: it is slow, but takes.",
            query={"{{agency}}": "topk(10, agency:lienthong_oldest_undelivered_seconds:max > 0)"},
            unit="s",
            limit=3600,
        ),
        Lines(
            title="Oldest file in an outbox, ten worst agencies",
            text="More than a minute or two: not read. Then the broker, or the file itself.",
            query={"{{agency}}": "topk(10, agency:lienthong_outbox_oldest_seconds:max > 0)"},
            unit="s",
            limit=300,
        ),
        Lines(
            title="The account",
            text="Accepted = delivered + waiting + parked, always. What is not is unaccounted.",
            query={
                "waiting": "max(lienthong_deliveries_waiting)",
                "parked": "max(lienthong_deliveries_parked)",
                "unaccounted": "max(abs(lienthong_deliveries_unaccounted))",
            },
        ),
    ),
)

_SO_FAR = Row(
    question="What has been done?",
    panels=(
        Tile(
            title="Accepted, ever",
            text="Deliveries of documents that the broker has confirmed.",
            query="max(lienthong_deliveries_accepted)",
            width=6,
        ),
        Tile(
            title="Delivered, ever",
            text="Of these, handed over to the recipient's system.",
            query="max(lienthong_deliveries_delivered)",
            width=6,
        ),
        Tile(
            title="Waiting now",
            text="In a mailbox, under work, or before a retry.",
            query="max(lienthong_deliveries_waiting)",
            width=6,
        ),
        Tile(
            title="Parked now",
            text="Dead letters that wait for an operator or were given up.",
            query="max(lienthong_deliveries_parked)",
            width=6,
        ),
    ),
)

AXIS = Board(
    uid="lienthong-axis",
    title="The axis at a glance",
    text="The first row says whether the axis is well, the second why not.",
    rows=(_WELL, _WHY, _MOVES, _WAITS, _SO_FAR),
)
