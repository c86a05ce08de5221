"""Process internals: the parent and its workers, one by one."""

from deploy.grafana.boards.board import Board, Row
from deploy.grafana.boards.panel import Lines, Table, Tile

_RATE = "[$__rate_interval]"
_OURS = 'job="lienthong"'


def _quantile(part: float, histogram: str, by: str) -> str:
    return f"histogram_quantile({part}, sum by ({by}, le) (rate({histogram}_bucket{_RATE})))"


_NOW = Row(
    question="Do they run?",
    panels=(
        Tile(
            title="Processes that answer",
            text="The parent and its workers.",
            query=f"count(up{{{_OURS}}} == 1) or vector(0)",
            falling=True,
            look=1,
            width=4,
        ),
        Tile(
            title="Silent to Prometheus",
            text="Known, and not answering.",
            query=f"count(up{{{_OURS}}} == 0) or vector(0)",
            words={0: "none"},
            bad=1,
            width=4,
        ),
        Tile(
            title="Workers missing",
            text="Started again by themselves, with growing pauses; their agencies wait.",
            query="max(lienthong_workers_wanted) - max(lienthong_workers_running)",
            words={0: "none"},
            bad=1,
            width=4,
        ),
        Tile(
            title="Ended unasked, one day",
            text="Workers that crashed or were killed; the log says how (`process_ended`).",
            query="sum(increase(lienthong_worker_failures_total[1d]))",
            look=1,
            bad=10,
            width=4,
        ),
        Tile(
            title="Worst lag, p99",
            text="How late the slowest event loop is. Above 0.5 s everything is late.",
            query="max(instance:lienthong_event_loop_lag_seconds:p99_5m)",
            unit="s",
            look=0.1,
            bad=0.5,
            width=4,
        ),
    ),
)

_BUSY = Row(
    question="Are they busy?",
    panels=(
        Lines(
            title="Event loop lag, p99",
            text="Sampled twice a second. One that lags while others do not: too few workers, or "
            "one agency's format is slow.",
            query={"{{instance}}": "instance:lienthong_event_loop_lag_seconds:p99_5m"},
            unit="s",
            limit=0.5,
        ),
        Lines(
            title="Processors",
            text="1 is one processor, wholly used.",
            query={"{{instance}}": f"rate(process_cpu_seconds_total{{{_OURS}}}{_RATE})"},
        ),
        Lines(
            title="Memory",
            text="Resident. It does not grow with the size of packets; a steady climb is a leak.",
            query={"{{instance}}": f"process_resident_memory_bytes{{{_OURS}}}"},
            unit="bytes",
        ),
        Lines(
            title="Hand-over, from the claim",
            text="Translation, attachments and the agency's system.",
            query={
                "{{lane}} p50": _quantile(0.5, "lienthong_hand_over_seconds", "lane"),
                "{{lane}} p99": _quantile(0.99, "lienthong_hand_over_seconds", "lane"),
            },
            exemplars=("{{lane}} p99",),
            unit="s",
        ),
        Lines(
            title="Publishes, a second",
            text="By process.",
            query={"{{instance}}": f"sum by (instance) (rate(lienthong_publishes_total{_RATE}))"},
        ),
        Lines(
            title="Open files, of what is allowed",
            text="Connections, folders and databases.",
            query={"{{instance}}": f"process_open_fds{{{_OURS}}} / process_max_fds{{{_OURS}}}"},
            unit="percentunit",
            limit=0.9,
        ),
    ),
)

_TRUST = Row(
    question="What will end?",
    panels=(
        Table(
            title="Certificates that end first",
            text="Days left, the ten nearest. `lienthong keys show` lists them all.",
            query="bottomk(10, agency:lienthong_certificate_left_seconds:min / 86400)",
            columns={"agency": "agency", "Value": "days left"},
        ),
        Lines(
            title="Age of the revocation lists",
            text="By authority. The last known list serves on while its source is away.",
            query={"{{authority}}": "max by (authority) (lienthong_revocation_age_seconds)"},
            unit="s",
            limit=86400,
        ),
        Table(
            title="Versions and starts",
            text="All processes should have the same version.",
            query=(
                "lienthong_build_info * on (instance) group_left () "
                f"(time() - process_start_time_seconds{{{_OURS}}})"
            ),
            columns={"instance": "instance", "version": "version", "Value": "running for, s"},
        ),
    ),
)

PROCESSES = Board(
    uid="lienthong-processes",
    title="Process internals",
    text="The parent and its workers, one by one.",
    rows=(_NOW, _BUSY, _TRUST),
)
