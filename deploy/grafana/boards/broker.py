"""Broker: RabbitMQ as the axis sees it, and as it sees itself."""

from deploy.grafana.boards.board import Board, Row
from deploy.grafana.boards.panel import Lines, Table, Tile

_RATE = "[$__rate_interval]"

_NOW = Row(
    question="Is the broker well?",
    panels=(
        Tile(
            title="Connections of the axis",
            text="Processes of the axis that have lost the broker.",
            query="count(lienthong_broker_connected == 0) or vector(0)",
            words={0: "all there"},
            bad=1,
        ),
        Tile(
            title="Blocked",
            text="The broker takes nothing from us: it is short of memory or disk.",
            query="max(lienthong_broker_blocked)",
            words={0: "no", 1: "BLOCKED"},
            bad=1,
        ),
        Tile(
            title="Nodes that answer",
            text="Without a majority nothing is confirmed.",
            query='count(up{job="rabbitmq"} == 1) or vector(0)',
            falling=True,
            look=1,
        ),
        Tile(
            title="Nodes away",
            text="Known to Prometheus, and silent.",
            query='count(up{job="rabbitmq"} == 0) or vector(0)',
            words={0: "none"},
            look=1,
            bad=2,
        ),
        Tile(
            title="Memory alarm",
            text="Nodes that block publishers for want of memory.",
            query="sum(rabbitmq_alarms_memory_used_watermark)",
            words={0: "no"},
            bad=1,
        ),
        Tile(
            title="Disk alarm",
            text="Nodes that block publishers for want of disk.",
            query="sum(rabbitmq_alarms_free_disk_space_watermark)",
            words={0: "no"},
            bad=1,
        ),
        Tile(
            title="Unproven publishes",
            text="Refused or unanswered in ten minutes. Sent again; duplicates are absorbed.",
            query=(
                "sum(exchange_outcome:lienthong_publishes:increase10m"
                '{outcome=~"refused|unknown"}) or vector(0)'
            ),
            look=1,
            bad=100,
        ),
        Tile(
            title="Failures unread",
            text="Messages in the queue `failures`. It should be empty: the dead-letter handler "
            "reads it.",
            query='max(rabbitmq_detailed_queue_messages_ready{queue="failures"})',
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
            query={
                "{{queue}}": (
                    "topk(10, max by (queue) (rabbitmq_detailed_queue_messages_ready) > 0)"
                ),
            },
            limit=10000,
            width=12,
        ),
        Table(
            title="Queues with messages and nobody to read them",
            text="A mailbox of a system that is away is left alone, rightly. Any other is a fault.",
            query=(
                "max by (queue) (rabbitmq_detailed_queue_messages_ready) > 0 "
                "and on (queue) max by (queue) (rabbitmq_detailed_queue_consumers) == 0"
            ),
            columns={"queue": "queue", "Value": "messages"},
            judged=(100, 10000),
            width=6,
        ),
        Lines(
            title="Under work",
            text="Given to workers and not settled yet: at most prefetch for each lane and agency.",
            query={
                "{{queue}}": (
                    "topk(10, max by (queue) (rabbitmq_detailed_queue_messages_unacked) > 0)"
                ),
            },
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
            query={
                "{{exchange}} {{outcome}}": (
                    f"sum by (exchange, outcome) (rate(lienthong_publishes_total{_RATE}))"
                ),
            },
        ),
        Lines(
            title="Messages through the broker, a second",
            text="As it counts. Redelivered: given back by a worker that stopped or crashed.",
            query={
                "received": f"sum(rate(rabbitmq_global_messages_received_total{_RATE}))",
                "confirmed": f"sum(rate(rabbitmq_global_messages_confirmed_total{_RATE}))",
                "delivered": f"sum(rate(rabbitmq_global_messages_delivered_total{_RATE}))",
                "acknowledged": f"sum(rate(rabbitmq_global_messages_acknowledged_total{_RATE}))",
                "redelivered": f"sum(rate(rabbitmq_global_messages_redelivered_total{_RATE}))",
            },
        ),
        Lines(
            title="Expired or returned, an hour",
            text="expired: its publisher, or a policy of somebody else's, let it end; it is gone.",
            query={
                "expired": (
                    "sum(rate(rabbitmq_global_messages_dead_lettered_expired_total[1h])) * 3600"
                ),
                "unroutable, returned": (
                    "sum(rate(rabbitmq_global_messages_unroutable_returned_total[1h])) * 3600"
                ),
            },
        ),
    ),
)

_NODES = Row(
    question="How are its nodes?",
    panels=(
        Lines(
            title="Memory, of what is allowed",
            text="At 100 % it blocks publishers.",
            query={
                "{{instance}}": (
                    "max by (instance) (rabbitmq_process_resident_memory_bytes) "
                    "/ max by (instance) (rabbitmq_resident_memory_limit_bytes)"
                ),
            },
            unit="percentunit",
            limit=1,
        ),
        Lines(
            title="Disk left",
            text="Below the limit it blocks publishers.",
            query={
                "{{instance}}": "min by (instance) (rabbitmq_disk_space_available_bytes)",
                "{{instance}} limit": (
                    "min by (instance) (rabbitmq_disk_space_available_limit_bytes)"
                ),
            },
            unit="bytes",
        ),
        Lines(
            title="Connections and channels",
            text="A steady climb: somebody does not close what he opens.",
            query={
                "connections": "sum(rabbitmq_connections)",
                "channels": "sum(rabbitmq_channels)",
                "consumers": "sum(rabbitmq_consumers)",
            },
        ),
        Lines(
            title="Open files, of what is allowed",
            text="Each queue and each connection needs some.",
            query={
                "{{instance}}": (
                    "max by (instance) (rabbitmq_process_open_fds) "
                    "/ max by (instance) (rabbitmq_process_max_fds)"
                ),
            },
            unit="percentunit",
            limit=0.9,
        ),
        Lines(
            title="Running for",
            text="A drop is a restart.",
            query={"{{instance}}": "max by (instance) (rabbitmq_erlang_uptime_seconds)"},
            unit="dtdurations",
        ),
        Table(
            title="Versions",
            text="All nodes should have the same, except during an upgrade.",
            query="rabbitmq_build_info",
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
