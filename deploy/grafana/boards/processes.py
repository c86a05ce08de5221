"""Process internals: the parent and its workers, one by one."""

from deploy.grafana.boards.board import Board, Row
from deploy.grafana.boards.panel import Lines, Query, Table, Tile

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
            queries=(Query(expr=f"count(up{{{_OURS}}} == 1) or vector(0)"),),
            falling=True,
            look=1,
            width=4,
        ),
        Tile(
            title="Silent to Prometheus",
            text="Known, and not answering.",
            queries=(Query(expr=f"count(up{{{_OURS}}} == 0) or vector(0)"),),
            words={0: "none"},
            bad=1,
            width=4,
        ),
        Tile(
            title="Workers missing",
            text="Started again by themselves, with growing pauses; their agencies wait.",
            queries=(Query(expr="max(lienthong_workers_wanted) - max(lienthong_workers_running)"),),
            words={0: "none"},
            bad=1,
            width=4,
        ),
        Tile(
            title="Ended unasked, one day",
            text="Workers that crashed or were killed; the log says how (`worker_ended`).",
            queries=(Query(expr="sum(increase(lienthong_worker_failures_total[1d]))"),),
            look=1,
            bad=10,
            width=4,
        ),
        Tile(
            title="Worst lag, p99",
            text="How late the slowest event loop is. Above 0.5 s everything is late.",
            queries=(Query(expr="max(instance:lienthong_event_loop_lag_seconds:p99_5m)"),),
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
            queries=(
                Query(
                    expr="instance:lienthong_event_loop_lag_seconds:p99_5m", legend="{{instance}}"
                ),
            ),
            unit="s",
            limit=0.5,
        ),
        Lines(
            title="Processors",
            text="1 is one processor, wholly used.",
            queries=(
                Query(
                    expr=f"rate(process_cpu_seconds_total{{{_OURS}}}{_RATE})", legend="{{instance}}"
                ),
            ),
        ),
        Lines(
            title="Memory",
            text="Resident. It does not grow with the size of packets; a steady climb is a leak.",
            queries=(
                Query(expr=f"process_resident_memory_bytes{{{_OURS}}}", legend="{{instance}}"),
            ),
            unit="bytes",
        ),
        Lines(
            title="Hand-over, from the claim",
            text="Translation, attachments and the agency's system.",
            queries=(
                Query(
                    expr=_quantile(0.5, "lienthong_hand_over_seconds", "lane"),
                    legend="{{lane}} p50",
                ),
                Query(
                    expr=_quantile(0.99, "lienthong_hand_over_seconds", "lane"),
                    legend="{{lane}} p99",
                    exemplars=True,
                ),
            ),
            unit="s",
        ),
        Lines(
            title="Publishes, a second",
            text="By process.",
            queries=(
                Query(
                    expr=f"sum by (instance) (rate(lienthong_publishes_total{_RATE}))",
                    legend="{{instance}}",
                ),
            ),
        ),
        Lines(
            title="Open files, of what is allowed",
            text="Connections, folders and databases.",
            queries=(
                Query(
                    expr=f"process_open_fds{{{_OURS}}} / process_max_fds{{{_OURS}}}",
                    legend="{{instance}}",
                ),
            ),
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
            queries=(
                Query(expr="bottomk(10, agency:lienthong_certificate_left_seconds:min / 86400)"),
            ),
            columns={"agency": "agency", "Value": "days left"},
        ),
        Lines(
            title="Age of the revocation lists",
            text="By authority. The last known list serves on while its source is away.",
            queries=(
                Query(
                    expr="max by (authority) (lienthong_revocation_age_seconds)",
                    legend="{{authority}}",
                ),
            ),
            unit="s",
            limit=86400,
        ),
        Table(
            title="Versions and starts",
            text="All processes should have the same version.",
            queries=(
                Query(
                    expr="lienthong_build_info * on (instance) group_left () "
                    f"(time() - process_start_time_seconds{{{_OURS}}})"
                ),
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
