"""One agency: everything that concerns one mailbox, as its operators would ask."""

from deploy.grafana.boards.board import Board, Row, Variable
from deploy.grafana.boards.panel import Lines, Spans, Tile

_OF = 'agency="$agency"'

_NOW = Row(
    question="How is $agency?",
    panels=(
        Tile(
            title="Its system",
            text="Away: the mailbox waits, in order, until it answers again.",
            query=f"agency:lienthong_endpoint_up:min{{{_OF}}}",
            words={0: "AWAY", 1: "there"},
            falling=True,
            look=1,
        ),
        Tile(
            title="Oldest undelivered",
            text="How long the oldest delivery for it has waited.",
            query=f"agency:lienthong_oldest_undelivered_seconds:max{{{_OF}}}",
            unit="dtdurations",
            look=3600,
            bad=28800,
        ),
        Tile(
            title="Last success",
            text="How long ago something was last handed over to it, since the axis started.",
            query=f"time() - agency:lienthong_last_success_timestamp_seconds:max{{{_OF}}}",
            unit="dtdurations",
        ),
        Tile(
            title="Oldest file in its outbox",
            text="More than a minute or two: not read.",
            query=f"agency:lienthong_outbox_oldest_seconds:max{{{_OF}}}",
            unit="dtdurations",
            look=120,
            bad=300,
        ),
        Tile(
            title="Offered, not answered",
            text="Deliveries that its system has taken and will answer later.",
            query=f"max(lienthong_offers_pending{{{_OF}}})",
        ),
        Tile(
            title="Dead letters",
            text="Parked or quarantined: `lienthong dlq groups --agency $agency`.",
            query=f"max(lienthong_dead_letters_of_agency{{{_OF}}})",
            look=1,
            bad=50,
        ),
        Tile(
            title="Waiting for a retry",
            text="Its system did not take them; they are tried again by schedule.",
            query=f"max(lienthong_retries_waiting{{{_OF}}})",
            look=1,
        ),
        Tile(
            title="Certificate ends in",
            text="What it signs after the end is refused everywhere.",
            query=f"agency:lienthong_certificate_left_seconds:min{{{_OF}}}",
            unit="s",
            falling=True,
            look=30 * 86_400,
            bad=7 * 86_400,
        ),
        Tile(
            title="In its mailbox",
            text="Messages ready in both its queues on the broker.",
            query=(
                "sum(max by (queue) (rabbitmq_detailed_queue_messages_ready"
                '{queue=~"mailbox[.]${agency:raw}[.](express|standard)"}))'
            ),
            look=1000,
            bad=10000,
        ),
    ),
)

_IN = Row(
    question="What comes to it?",
    panels=(
        Lines(
            title="Deliveries, a minute",
            text="By how the attempt ended.",
            query={
                "{{outcome}}": (
                    "sum by (outcome) "
                    f"(rate(lienthong_deliveries_total{{{_OF}}}[$__rate_interval])) * 60"
                ),
            },
        ),
        Lines(
            title="Oldest undelivered",
            text="A steady climb: it takes nothing. A saw: it is slow, but takes.",
            query={"age": f"agency:lienthong_oldest_undelivered_seconds:max{{{_OF}}}"},
            unit="s",
            limit=3600,
        ),
        Lines(
            title="In its mailbox",
            text="Messages ready, by lane. While its system is away they wait here, in order.",
            query={
                "{{queue}}": (
                    "max by (queue) (rabbitmq_detailed_queue_messages_ready"
                    '{queue=~"mailbox[.]${agency:raw}[.](express|standard)"})'
                ),
            },
        ),
        Spans(
            title="Its system",
            text="When it was there and when it was away.",
            query={"{{agency}}": f"agency:lienthong_endpoint_up:min{{{_OF}}}"},
            words={0: "away", 1: "there"},
            width=24,
            height=4,
        ),
    ),
)

_OUT = Row(
    question="What does it send?",
    panels=(
        Lines(
            title="Files, a minute",
            text="Refused ones lie in its folder `refused/`, each with what is wrong.",
            query={
                "{{outcome}}": (
                    "sum by (outcome) "
                    f"(rate(lienthong_submissions_total{{{_OF}}}[$__rate_interval])) * 60"
                ),
            },
        ),
        Lines(
            title="Envelopes, a minute",
            text="Confirmed by every recipient's mailbox. Automatic receipts are not among them.",
            query={
                "{{kind}}, {{lane}}": (
                    "sum by (kind, lane) "
                    f"(rate(lienthong_envelopes_sent_total{{{_OF}}}[$__rate_interval])) * 60"
                ),
            },
        ),
        Lines(
            title="Statuses it got, an hour",
            text="01 arrived, 02 refused, 03 to 06 the recipient's progress (docs/codes.md).",
            query={
                "{{status}}": (
                    f"sum by (status) (rate(lienthong_receipts_total{{{_OF}}}[1h])) * 3600"
                ),
            },
            stacked=True,
        ),
    ),
)

_FAILS = Row(
    question="What fails?",
    panels=(
        Lines(
            title="Failed attempts, an hour",
            text="Where in the delivery, and whose fault.",
            query={
                "{{stage}}: {{failure_class}}": (
                    "sum by (stage, failure_class) "
                    f"(rate(lienthong_failures_total{{{_OF}}}[1h])) * 3600"
                ),
            },
            stacked=True,
            width=12,
        ),
        Lines(
            title="Dead letters",
            text="Those for operators, and those that are tried again by themselves.",
            query={
                "operators": f"max(lienthong_dead_letters_of_agency{{{_OF}}})",
                "waiting": f"max(lienthong_retries_waiting{{{_OF}}})",
            },
            width=12,
        ),
    ),
)

AGENCY = Board(
    uid="lienthong-agency",
    title="One agency",
    text="Everything about one mailbox. Choose the agency at the top.",
    rows=(_NOW, _IN, _OUT, _FAILS),
    variables=(
        Variable(
            name="agency", label="Agency", query="label_values(lienthong_endpoint_up, agency)"
        ),
    ),
    span="24h",
)
