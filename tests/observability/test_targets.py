"""Prometheus is told whom to ask."""

import json
from pathlib import Path

from bus.home.layout import write_prometheus_targets
from tests.observability.test_alarms import PROMETHEUS, promtool


def test_processes_and_the_node_of_our_own_are_named_with_their_jobs(tmp_path: Path) -> None:
    file = tmp_path / "targets.json"

    write_prometheus_targets(
        file,
        axis=["http://127.0.0.1:9464", "http://127.0.0.1:9465"],
        broker="http://127.0.0.1:4711",
    )

    assert json.loads(file.read_text()) == [
        {"targets": ["127.0.0.1:9464", "127.0.0.1:9465"], "labels": {"job": "lienthong"}},
        {"targets": ["127.0.0.1:4711"], "labels": {"job": "rabbitmq"}},
    ]


def test_nobody_is_named_of_a_broker_that_was_given_and_metrics_that_are_not_kept(
    tmp_path: Path,
) -> None:
    file = tmp_path / "targets.json"

    write_prometheus_targets(file, axis=[], broker=None)

    assert json.loads(file.read_text()) == []


def test_prometheus_reads_the_file(tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    write_prometheus_targets(file, axis=["http://127.0.0.1:9464"], broker="http://127.0.0.1:4711")
    named = (PROMETHEUS / "prometheus-local.yml").read_text(encoding="utf-8")
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(
        named.replace("/var/lib/lienthong/prometheus-targets.json", str(file)).replace(
            "rules/*.yml", f"{PROMETHEUS}/rules/*.yml"
        )
    )

    checked = promtool("check", "config", str(configuration))

    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stdout
