"""What is deployed runs as nobody special, writes where it must, and can gain nothing."""

import importlib.metadata
import os
import re
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.cli.output import Exit
from bus.home.layout import Running
from bus.rabbit.residence import free_ports
from bus.settings import Settings
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


def test_every_setting_reaches_the_container() -> None:
    """Those that are not given by the command or the image are passed on from `deploy/.env`."""
    worker = SERVICES["worker"]
    by_command = {
        f"LIENTHONG_{word.removeprefix('--').replace('-', '_').upper()}"
        for word in worker["command"]
        if word.startswith("--")
    }
    # A container neither installs nor starts a broker.
    not_for_it = {"LIENTHONG_MAY_INSTALL", "LIENTHONG_RABBITMQ"}

    known = {f"LIENTHONG_{name.upper()}" for name in Settings.model_fields}

    assert worker["environment"].keys() | by_command | not_for_it == known


def test_the_example_names_settings_that_exist() -> None:
    example = (DEPLOY / "env.example").read_text(encoding="utf-8")
    known = {f"LIENTHONG_{name.upper()}" for name in Settings.model_fields}
    of_compose = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8")))

    named = set(re.findall(r"^#?(LIENTHONG_\w+)=", example, re.MULTILINE))

    assert named <= known | of_compose


def test_the_environment_file_is_not_committed() -> None:
    ignored = (DEPLOY.parent / ".gitignore").read_text(encoding="utf-8").splitlines()

    assert ".env" in ignored


def test_a_service_manager_starts_again_what_broker_or_database_ended() -> None:
    """Only a wrong setting is final (exit 2): what the world causes ends with another code."""
    [final] = unit()["RestartPreventExitStatus"]

    assert unit()["Restart"] == ["on-failure"]
    assert final.split() == [str(int(Exit.MISUSED))]
    assert Exit.AWAY not in {Exit.DONE, Exit.MISUSED}


@pytest.mark.parametrize(
    "setting",
    [
        "LIENTHONG_AMQP_URL=amqp://a:b@127.0.0.1:{port}/",
        "LIENTHONG_DATABASE_URL=postgresql://a:b@127.0.0.1:{port}/c",
    ],
)
def test_a_broker_or_database_that_is_away_at_start_is_no_wrong_setting(
    setting: str, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    name, _, value = setting.format(port=port).partition("=")

    # Not the usual port, which somebody may have.
    management = {"LIENTHONG_MANAGEMENT_URL": f"http://a:b@127.0.0.1:{port}"}
    ended = run_up(tmp_path, {name: value} | (management if "AMQP" in name else {}))

    assert ended.returncode == Exit.AWAY, ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_setting_is_final(tmp_path: Path) -> None:
    ended = run_up(tmp_path, {"LIENTHONG_PREFETCH": "0"})

    assert ended.returncode == Exit.MISUSED
    assert "LIENTHONG_PREFETCH" in ended.stderr


def run_up(home: Path, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`lienthong up` with settings, to its end."""
    command = [sys.executable, "-m", "bus.cli", "up", "--home", str(home), "--agencies", "G22"]
    return subprocess.run(
        command, env=os.environ | settings, capture_output=True, text=True, timeout=60, check=False
    )


WITHOUT_EXTRAS = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
sys.argv = ["lienthong", *{arguments}]
from bus.cli import main
main()
"""


def modules_of_extras() -> set[str]:
    """The top-level modules that only an extra installs."""
    requirements = importlib.metadata.requires("lienthong") or []
    names = {re.split(r"[^\w.-]", text)[0].lower(): "extra ==" in text for text in requirements}
    return {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if any(names.get(each.lower(), False) for each in distributions)
    }


def without_extras(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of an installation that has none of the extras."""
    program = WITHOUT_EXTRAS.format(missing=modules_of_extras(), arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["--help", "up --help", "connect --help", "dlq --help"])
def test_an_installation_without_extras_has_every_command(command: str) -> None:
    """The image, for example, has no extra `demo`."""
    assert {"fpdf", "pyhanko", "asyncpg"} <= modules_of_extras()

    ended = without_extras(*command.split())

    assert ended.returncode == 0, ended.stderr


def test_what_needs_an_extra_says_so() -> None:
    ended = without_extras("demo")

    assert ended.returncode == Exit.MISUSED
    assert "E_EXTRA_MISSING" in ended.stderr
    assert "lienthong[demo]" in ended.stderr


def test_the_image_has_the_extras_of_a_service_and_is_not_built_when_it_does_not_start() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")

    assert "'lienthong[pdf,pkcs11,postgres,traces]'" in text
    assert "/opt/lienthong/bin/lienthong --help" in text


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_the_image_is_as_healthy_as_the_axis_says(
    status: int, expected: int, tmp_path: Path
) -> None:
    with answering(status) as url:
        write_running(tmp_path, url)

        assert health_check(tmp_path) == expected


def test_an_axis_that_answers_nothing_is_not_healthy(tmp_path: Path) -> None:
    """A frozen process still takes connections: the kernel does it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_running(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")

        assert health_check(tmp_path) == 1


def test_an_axis_that_does_not_run_is_not_healthy(tmp_path: Path) -> None:
    assert health_check(tmp_path) == 1


def write_running(home: Path, url: str) -> None:
    running = Running(pid=os.getpid(), amqp_url="", management_url="", metrics_url=url)
    (home / "running.json").write_text(running.model_dump_json(), encoding="utf-8")


def health_check(home: Path) -> int:
    """What the image's health check exits with."""
    command = [sys.executable, "-I", str(DEPLOY / "healthcheck.py")]
    environment = {"LIENTHONG_HOME": str(home)}
    return subprocess.run(
        command, env=environment, capture_output=True, timeout=60, check=False
    ).returncode


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server that answers every request with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
