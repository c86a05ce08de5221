"""Vocabulary: every metric that there is, with its labels, and the words that labels may hold."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry

from bus.core.dead_letters.letter import LetterState
from bus.core.failure import Stage
from bus.observability.metrics import AxisMetrics
from bus.ports import PublishOutcome
from schemas.codes import Lane
from schemas.errors import FailureClass
from tests.observability.promql import read

Labels = Mapping[str, frozenset[str]]

RULES = Path("deploy/prometheus/rules")
OF_TARGETS = frozenset({"job", "instance"})
"""Every scraped metric has them."""

_SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
    "gauge": ("",),
}

RABBITMQ: Labels = {
    "rabbitmq_alarms_free_disk_space_watermark": frozenset(),
    "rabbitmq_alarms_memory_used_watermark": frozenset(),
    "rabbitmq_build_info": frozenset(
        {
            "rabbitmq_version",
            "prometheus_plugin_version",
            "prometheus_client_version",
            "erlang_version",
        }
    ),
    "rabbitmq_channels": frozenset(),
    "rabbitmq_connections": frozenset(),
    "rabbitmq_consumers": frozenset(),
    "rabbitmq_detailed_queue_consumers": frozenset({"vhost", "queue"}),
    "rabbitmq_detailed_queue_messages_ready": frozenset({"vhost", "queue"}),
    "rabbitmq_detailed_queue_messages_unacked": frozenset({"vhost", "queue"}),
    "rabbitmq_disk_space_available_bytes": frozenset(),
    "rabbitmq_disk_space_available_limit_bytes": frozenset(),
    "rabbitmq_erlang_uptime_seconds": frozenset(),
    "rabbitmq_global_messages_acknowledged_total": frozenset({"protocol", "queue_type"}),
    "rabbitmq_global_messages_confirmed_total": frozenset({"protocol"}),
    "rabbitmq_global_messages_dead_lettered_expired_total": frozenset(
        {"queue_type", "dead_letter_strategy"}
    ),
    "rabbitmq_global_messages_delivered_total": frozenset({"protocol", "queue_type"}),
    "rabbitmq_global_messages_received_total": frozenset({"protocol"}),
    "rabbitmq_global_messages_redelivered_total": frozenset({"protocol", "queue_type"}),
    "rabbitmq_global_messages_unroutable_returned_total": frozenset({"protocol"}),
    "rabbitmq_process_max_fds": frozenset(),
    "rabbitmq_process_open_fds": frozenset(),
    "rabbitmq_process_resident_memory_bytes": frozenset(),
    "rabbitmq_resident_memory_limit_bytes": frozenset(),
}
"""What we use of the plugin `rabbitmq_prometheus`; a test compares it with what a node shows."""

_PROMETHEUS: Labels = {"up": frozenset()}

WORDS: Mapping[str, frozenset[str]] = {
    "failure_class": frozenset(FailureClass),
    "state": frozenset(LetterState),
    "stage": frozenset(Stage),
    "lane": frozenset(Lane),
    "job": frozenset({"lienthong", "rabbitmq", "rabbitmq-queues"}),
    "severity": frozenset({"critical", "warning", "info"}),
    "alertstate": frozenset({"pending", "firing"}),
    "verdict": frozenset(
        {
            "verified",
            "missing",
            "invalid",
            "algorithm",
            "certificate_unknown",
            "certificate_expired",
            "certificate_revoked",
            "clock_skew",
            "forged",
        }
    ),
}
"""What certain labels may hold, whichever metric they belong to."""

PUBLISH_OUTCOMES = frozenset(PublishOutcome)


def kept() -> dict[str, frozenset[str]]:
    """What the axis itself shows, as it is defined in the code."""
    registry = AxisMetrics(version="1", clock=lambda: datetime.now(UTC)).registry
    labels = _labels_by_family(registry)
    return {
        family.name + suffix: labels.get(family.name, frozenset())
        | ({"le"} if suffix == "_bucket" else set())
        | ({"version"} if suffix == "_info" else set())
        for family in registry.collect()
        for suffix in _SUFFIXES[family.type]
    }


def _labels_by_family(registry: CollectorRegistry) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(getattr(collector, "_labelnames", ()))
        for collector, names in registry._collector_to_names.items()
        for name in names
    }


def rules() -> list[dict[str, str]]:
    """Every recording and alerting rule."""
    files = sorted(RULES.glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def recorded() -> dict[str, frozenset[str]]:
    """What our rules record. The first part of a name says which labels it has."""
    names = {}
    for rule in rules():
        if "record" in rule:
            level, _, _ = rule["record"].partition(":")
            grouped = read(rule["expr"]).grouped - {"le"}
            names[rule["record"]] = frozenset() if level == "lienthong" else grouped
    return names


def alarms() -> frozenset[str]:
    """Labels of the series `ALERTS`: those of all alarms."""
    grouped = {label for rule in rules() for label in read(rule["expr"]).grouped}
    return frozenset(grouped - {"le"}) | {
        *("alertname", "alertstate", "severity", "area"),
        *("failure_class", "lane", "outcome", "exchange", "verdict"),
    }


def every_metric() -> dict[str, frozenset[str]]:
    """Name → labels, beside those of the target."""
    ours = {**kept(), **RABBITMQ, **_PROMETHEUS, **recorded()}
    return {name: labels | OF_TARGETS for name, labels in ours.items()} | {
        "ALERTS": alarms() | OF_TARGETS
    }


def level_of(name: str) -> str:
    """The labels in the name of a recorded metric, as they are written there."""
    return re.split(":", name)[0]
