"""Broker: RabbitMQ as the axis sees it, and as it sees itself."""

from deploy.grafana.boards.board import Board, Row
from deploy.grafana.boards.panel import Lines, Query, Table, Tile

_RATE = "[$__rate_interval]"

_NOW = Row(
    question="Is the broker well?",
    panels=(
        Tile(
            title="Connections of the axis",
            text="Processes of the axis that have lost the broker.",
            queries=(Query(expr="count(lienthong_broker_connected == 0) or vector(0)"),),
            words={0: "all there"},
            bad=1,
        ),
        Tile(
            title="Blocked",
            text="The broker takes nothing from us: it is short of memory or disk.",
            queries=(Query(expr="max(lienthong_broker_blocked)"),),
            words={0: "no", 1: "BLOCKED"},
            bad=1,
        ),
        Tile(
            title="Nodes that answer",
            text="Without a majority nothing is confirmed.",
            queries=(Query(expr='count(up{job="rabbitmq"} == 1) or vector(0)'),),
            falling=True,
            look=1,
        ),
        Tile(
            title="Nodes away",
            text="Known to Prometheus, and silent.",
            queries=(Query(expr='count(up{job="rabbitmq"} == 0) or vector(0)'),),
            words={0: "none"},
            look=1,
            bad=2,
        ),
        Tile(
            title="Memory alarm",
            text="Nodes that block publishers for want of memory.",
            queries=(Query(expr="sum(rabbitmq_alarms_memory_used_watermark)"),),
            words={0: "no"},
            bad=1,
        ),
        Tile(
            title="Disk alarm",
            text="Nodes that block publishers for want of disk.",
            queries=(Query(expr="sum(rabbitmq_alarms_free_disk_space_watermark)"),),
            words={0: "no"},
            bad=1,
        ),
        Tile(
            title="Unproven publishes",
            text="Refused or unanswered in ten minutes. Sent again; duplicates are absorbed.",
            queries=(
                Query(
                    expr="sum(exchange_outcome:lienthong_publishes:increase10m"
                    '{outcome=~"refused|unknown"}) or vector(0)'
                ),
            ),
            look=1,
            bad=100,
        ),
        Tile(
            title="Failures unread",
            text="Messages in the queue `failures`. It should be empty: the dead-letter handler "
            "reads it.",
            queries=(Query(expr='max(rabbitmq_detailed_queue_messages_ready{queue="failures"})'),),
            look=100,
            bad=1000,
        ),
    ),
)

_WAITS = Row(
    question="What waits on it?",
    panels=(
        Lines(
            title="Deepest queues",
            text="Messages ready, the ten deepest. A mailbox that only grows: its agency's system.",
            queries=(
                Query(
                    expr="topk(10, max by (queue) (rabbitmq_detailed_queue_messages_ready) > 0)",
                    legend="{{queue}}",
                ),
            ),
            limit=10000,
            width=12,
        ),
        Table(
            title="Queues with messages and nobody to read them",
            text="A mailbox of a system that is away is left alone, rightly. Any other is a fault.",
            queries=(
                Query(
                    expr="max by (queue) (rabbitmq_detailed_queue_messages_ready) > 0 "
                    "and on (queue) max by (queue) (rabbitmq_detailed_queue_consumers) == 0"
                ),
            ),
            columns={"queue": "queue", "Value": "messages"},
            judged=(100, 10000),
            width=6,
        ),
        Lines(
            title="Under work",
            text="Given to workers and not settled yet: at most prefetch for each lane and agency.",
            queries=(
                Query(
                    expr="topk(10, max by (queue) (rabbitmq_detailed_queue_messages_unacked) > 0)",
                    legend="{{queue}}",
                ),
            ),
            width=6,
        ),
    ),
)

_MOVES = Row(
    question="What moves?",
    panels=(
        Lines(
            title="Publishes of the axis, a second",
            text="By what the broker answered. `returned`: no mailbox hears that key.",
            queries=(
                Query(
                    expr=f"sum by (exchange, outcome) (rate(lienthong_publishes_total{_RATE}))",
                    legend="{{exchange}} {{outcome}}",
                ),
            ),
        ),
        Lines(
            title="Messages through the broker, a second",
            text="As it counts. Redelivered: given back by a worker that stopped or crashed.",
            queries=(
                Query(
                    expr=f"sum(rate(rabbitmq_global_messages_received_total{_RATE}))",
                    legend="received",
                ),
                Query(
                    expr=f"sum(rate(rabbitmq_global_messages_confirmed_total{_RATE}))",
                    legend="confirmed",
                ),
                Query(
                    expr=f"sum(rate(rabbitmq_global_messages_delivered_total{_RATE}))",
                    legend="delivered",
                ),
                Query(
                    expr=f"sum(rate(rabbitmq_global_messages_acknowledged_total{_RATE}))",
                    legend="acknowledged",
                ),
                Query(
                    expr=f"sum(rate(rabbitmq_global_messages_redelivered_total{_RATE}))",
                    legend="redelivered",
                ),
            ),
        ),
        Lines(
            title="Expired or returned, an hour",
            text="expired: its publisher, or a policy of somebody else's, let it end; it is gone.",
            queries=(
                Query(
                    expr="sum(rate(rabbitmq_global_messages_dead_lettered_expired_total[1h]))"
                    " * 3600",
                    legend="expired",
                ),
                Query(
                    expr="sum(rate(rabbitmq_global_messages_unroutable_returned_total[1h])) * 3600",
                    legend="unroutable, returned",
                ),
            ),
        ),
    ),
)

_NODES = Row(
    question="How are its nodes?",
    panels=(
        Lines(
            title="Memory, of what is allowed",
            text="At 100 % it blocks publishers.",
            queries=(
                Query(
                    expr="max by (instance) (rabbitmq_process_resident_memory_bytes) "
                    "/ max by (instance) (rabbitmq_resident_memory_limit_bytes)",
                    legend="{{instance}}",
                ),
            ),
            unit="percentunit",
            limit=1,
        ),
        Lines(
            title="Disk left",
            text="Below the limit it blocks publishers.",
            queries=(
                Query(
                    expr="min by (instance) (rabbitmq_disk_space_available_bytes)",
                    legend="{{instance}}",
                ),
                Query(
                    expr="min by (instance) (rabbitmq_disk_space_available_limit_bytes)",
                    legend="{{instance}} limit",
                ),
            ),
            unit="bytes",
        ),
        Lines(
            title="Connections and channels",
            text="A steady climb: somebody does not close what he opens.",
            queries=(
                Query(expr="sum(rabbitmq_connections)", legend="connections"),
                Query(expr="sum(rabbitmq_channels)", legend="channels"),
                Query(expr="sum(rabbitmq_consumers)", legend="consumers"),
            ),
        ),
        Lines(
            title="Open files, of what is allowed",
            text="Each queue and each connection needs some.",
            queries=(
                Query(
                    expr="max by (instance) (rabbitmq_process_open_fds) "
                    "/ max by (instance) (rabbitmq_process_max_fds)",
                    legend="{{instance}}",
                ),
            ),
            unit="percentunit",
            limit=0.9,
        ),
        Lines(
            title="Running for",
            text="A drop is a restart.",
            queries=(
                Query(
                    expr="max by (instance) (rabbitmq_erlang_uptime_seconds)", legend="{{instance}}"
                ),
            ),
            unit="dtdurations",
        ),
        Table(
            title="Versions",
            text="All nodes should have the same, except during an upgrade.",
            queries=(Query(expr="rabbitmq_build_info"),),
            columns={
                "instance": "instance",
                "rabbitmq_version": "RabbitMQ",
                "erlang_version": "Erlang",
            },
        ),
    ),
)

BROKER = Board(
    uid="lienthong-broker",
    title="Broker",
    text="RabbitMQ: whether it takes and gives, what waits on it, how its nodes are.",
    rows=(_NOW, _WAITS, _MOVES, _NODES),
)
