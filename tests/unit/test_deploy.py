"""What is deployed runs as nobody special, writes where it must, and can gain nothing."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.limits import MAX_BODY_BYTES

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def unit() -> Mapping[str, Sequence[str]]:
    """The settings of the systemd unit, in order."""
    settings: dict[str, list[str]] = defaultdict(list)
    for line in (DEPLOY / "lienthong.service").read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            settings[name].append(value)
    return settings


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the last stage."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line and line[0] not in "# "]
    instructions = [(line[0], line[1]) for line in lines]
    last = max(at for at, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[last:]


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_is_root_or_can_become_it(service: str) -> None:
    told = SERVICES[service]

    assert str(told["user"]).split(":")[0] not in {"", "0", "root"}
    assert told["cap_drop"] == ["ALL"]
    assert "cap_add" not in told
    assert "no-new-privileges:true" in told["security_opt"]
    assert not told.get("privileged", False)
    assert told["pids_limit"] > 0
    assert not {"pid", "ipc", "network_mode", "userns_mode"} & told.keys()


def test_the_worker_writes_only_to_its_volume_and_its_temporary_folder() -> None:
    worker = SERVICES["worker"]

    assert worker["read_only"] is True
    assert worker["volumes"] == ["axis:/var/lib/lienthong"]
    assert worker["tmpfs"] == ["/tmp:noexec,nosuid,nodev"]  # noqa: S108 (that of the container)
    assert worker["ulimits"]["core"] == 0


@pytest.mark.parametrize("service", SERVICES)
def test_no_port_is_open_beyond_this_host_and_no_socket_of_docker_is_lent(service: str) -> None:
    told = SERVICES[service]

    assert all(port.startswith("127.0.0.1:") for port in told.get("ports", []))
    assert not any("docker.sock" in volume for volume in told["volumes"])


def test_no_password_stands_in_a_file_of_ours() -> None:
    for path in sorted(p for p in DEPLOY.rglob("*") if p.is_file() and p.suffix != ".pyc"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"(?i)pass(?:word)?\s*[:=]\s*(\S+)", text)
        assert all(value.startswith(("$", "#", "?")) for value in found), path.name


def test_the_image_runs_as_a_number_that_is_not_roots_and_is_pinned() -> None:
    instructions = dockerfile()

    users = [value for name, value in instructions if name == "USER"]
    assert users == ["10001:10001"]
    assert SERVICES["worker"]["user"] == users[-1]
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", instructions[0][1])
    assert not any(name in {"ADD", "EXPOSE"} for name, _ in instructions)
    assert re.fullmatch(r"rabbitmq:\d+\.\d+\.\d+-management", SERVICES["rabbitmq"]["image"])


SANDBOX = {
    "User": "lienthong",
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateMounts": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "ProtectClock": "yes",
    "ProtectHostname": "yes",
    "ProtectProc": "invisible",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "LockPersonality": "yes",
    "RemoveIPC": "yes",
    "SystemCallArchitectures": "native",
    "LimitCORE": "0",
    "UMask": "0027",
    "StateDirectory": "lienthong",
    "StateDirectoryMode": "0750",
}


@pytest.mark.parametrize("setting", SANDBOX)
def test_the_unit_is_a_sandbox(setting: str) -> None:
    assert unit()[setting] == [SANDBOX[setting]]


def test_the_unit_may_make_no_system_call_that_needs_a_privilege() -> None:
    assert unit()["SystemCallFilter"] == ["@system-service", "~@privileged"]
    assert "ReadWritePaths" not in unit()


def test_secrets_reach_the_unit_by_a_file_and_not_by_its_command_line() -> None:
    [command] = unit()["ExecStart"]

    assert unit()["EnvironmentFile"] == ["-/etc/lienthong/lienthong.env"]
    assert "://" not in command
    assert all("URL" not in each for each in unit()["Environment"])


def test_a_broker_takes_no_message_that_could_not_be_an_envelope() -> None:
    settings = (DEPLOY / "rabbitmq.conf").read_text(encoding="utf-8")

    assert f"\nmax_message_size = {MAX_BODY_BYTES}\n" in settings
