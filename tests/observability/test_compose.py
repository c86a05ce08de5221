"""The compose file and what it mounts agree. No Docker engine is needed, and none is asked."""

import re
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path("deploy")
PLUGIN_PORT = 15692
"""Of rabbitmq_prometheus, unless told otherwise (RabbitMQ manual, Prometheus)."""


def read(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read("compose.yaml")["services"]
    return found


def test_everything_that_is_mounted_is_there() -> None:
    compose = read("compose.yaml")

    for service in compose["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
                assert mount.endswith(":ro"), mount
            else:
                assert source in compose["volumes"]


def test_the_axis_serves_what_prometheus_asks_it_for() -> None:
    command = services()["worker"]["command"]
    first, workers = (int(command[command.index(o) + 1]) for o in ("--metrics-port", "--workers"))

    asked = _targets("lienthong")

    assert asked == [f"worker:{first + n}" for n in range(workers + 2)]
    assert services()["worker"]["environment"]["LIENTHONG_METRICS_HOST"] == "0.0.0.0"  # noqa: S104


def test_rabbitmq_serves_what_prometheus_asks_it_for() -> None:
    plugins = (DEPLOY / "rabbitmq-plugins").read_text(encoding="ascii")

    for job in ("rabbitmq", "rabbitmq-queues"):
        assert _targets(job) == [f"rabbitmq:{PLUGIN_PORT}"]
    assert "rabbitmq_prometheus" in plugins
    assert (
        "./rabbitmq-plugins:/etc/rabbitmq/enabled_plugins:ro" in services()["rabbitmq"]["volumes"]
    )


def test_both_configurations_of_prometheus_have_the_same_jobs_for_queues() -> None:
    here, there = (_jobs(name)["rabbitmq-queues"] for name in ("", "-local"))

    assert here["metrics_path"] == there["metrics_path"]
    assert here["params"] == there["params"]


def test_grafana_finds_prometheus_and_its_dashboards() -> None:
    (source,) = read("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = read("grafana/provisioning/dashboards/lienthong.yml")["providers"]
    grafana = services()["grafana"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    folder = provider["options"]["path"]

    assert source["url"] == "http://prometheus:9090"
    assert "127.0.0.1:9090:9090" in services()["prometheus"]["ports"]
    assert f"./grafana/dashboards:{folder}:ro" in grafana["volumes"]
    assert (DEPLOY / "grafana/dashboards" / Path(home).relative_to(folder)).exists()


def test_nothing_is_reachable_from_outside_this_machine() -> None:
    ports = [port for service in services().values() for port in service.get("ports", ())]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_pinned_and_what_is_ours_or_new_runs_without_rights() -> None:
    for name, service in services().items():
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+", service["image"]), name
        if name != "rabbitmq":
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert "no-new-privileges:true" in service["security_opt"]
        if "build" not in service and name != "rabbitmq":
            assert int(service["user"].split(":")[0]) > 0


def test_every_password_comes_from_the_environment_file() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    example = (DEPLOY / "env.example").read_text(encoding="utf-8")

    # A variable with `:?` has no default: it must be set.
    variables = set(re.findall(r"\$\{(\w+):\?", text))

    assert all(re.search(rf"^{name}=", example, re.MULTILINE) for name in variables)
    assert not re.search(r"PASS\w*: (?!\$\{)", text)


def _jobs(suffix: str) -> dict[str, dict[str, Any]]:
    found = read(f"prometheus/prometheus{suffix}.yml")["scrape_configs"]
    return {job["job_name"]: job for job in found}


def _targets(job: str) -> list[str]:
    return [t for config in _jobs("")[job]["static_configs"] for t in config["targets"]]
