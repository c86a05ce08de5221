"""Which broker is used, in which order, and what happens when there is none."""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bus.rabbit.container import IMAGE, Container
from bus.rabbit.installation import Installation
from bus.rabbit.locate import Way, locate
from schemas.problem import ConfigurationError, Language
from tests.support.rabbit_bus import eventually

OWNER = """
import asyncio
from bus.rabbit.container import Container

async def own():
    async with Container():
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(own())
"""


@pytest.mark.parametrize(
    ("given", "derived"),
    [
        ("amqp://u:p@host:5673/v", "http://u:p@host:15672"),
        ("amqps://u:p%40@host/", "https://u:p%40@host:15671"),
        ("amqp://u:p@[::1]/", "http://u:p@[::1]:15672"),
        ("amqp://u:p@one:1,two,[::1]/v", "http://u:p@one:15672,two:15672,[::1]:15672"),
    ],
)
async def test_a_given_url_is_used_as_it_is(given: str, derived: str) -> None:
    async with locate(amqp_url=given) as located:
        assert located.amqp_url == given
        assert located.management_url == derived
        assert located.way is Way.GIVEN


async def test_another_management_url_may_be_given() -> None:
    async with locate(amqp_url="amqp://a", management_url="http://b:8080") as located:
        assert located.management_url == "http://b:8080"


async def test_a_management_url_without_a_login_takes_that_of_the_broker() -> None:
    """The compose file gives it so: the password stands in one setting only."""
    async with locate(amqp_url="amqp://u:p%40@a", management_url="http://b:1,c:2") as located:
        assert located.management_url == "http://u:p%40@b:1,c:2"


async def test_a_virtual_host_may_have_any_name() -> None:
    async with locate(amqp_url="amqp://u:p@host:1/old") as located:
        assert located.in_vhost("a/b c") == "amqp://u:p@host:1/a%2Fb%20c"


async def test_without_any_broker_the_operator_is_told_the_four_ways(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigurationError) as refused:
        async with locate():
            pass

    problem = refused.value.problem
    assert problem.code == "E_BROKER_NOT_FOUND"
    for language in Language:
        for way in ("LIENTHONG_AMQP_URL", "rabbitmq-server", "Docker", "LIENTHONG_MAY_INSTALL"):
            assert way in problem.text(language)


async def test_the_package_manager_installs_what_is_missing_and_its_failure_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_program(tmp_path / "apt-get", 'echo "no network for $*" >&2; exit 100')
    a_program(tmp_path / "sudo", 'shift; exec "$@"')
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigurationError, match="no network for update"):
        async with locate(may_install=True):
            pass


def test_a_node_is_laid_out_with_the_plugins_it_needs_only(tmp_path: Path) -> None:
    for name in ("rabbit-4.1", "ra-2.1", "rabbitmq_management-4.1", "rabbitmq_mqtt-4.1"):
        (tmp_path / "rabbitmq_server-4.1/plugins" / name).mkdir(parents=True)
    (tmp_path / "rabbitmq_server-4.1/sbin").mkdir()
    (tmp_path / "rabbitmq_server-4.1/sbin/rabbitmq-server").touch()

    found = Installation.find([str(tmp_path)])
    assert found is not None
    script = found.slim(tmp_path / "slim")

    assert script.exists()
    laid = {path.name for path in (tmp_path / "slim/plugins").iterdir()}
    assert laid == {"rabbit-4.1", "ra-2.1", "rabbitmq_management-4.1"}


async def test_the_named_installation_is_used_or_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LIENTHONG_RABBITMQ"):
        async with locate(installed=tmp_path):
            pass


def a_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@asynccontextmanager
async def a_docker(folder: Path) -> AsyncIterator[Path]:
    """A stand-in for the docker command, and the log of what it was told.

    What it runs is a server that answers every request with success, on the port that was published
    for the management interface. `docker wait` returns when somebody writes into `ended`.
    """
    log, ended = folder / "log", folder / "ended"
    log.touch()
    if not ended.exists():
        os.mkfifo(ended)
    a_program(folder / "docker", f'echo "$@" >> {log}\n[ "$1" = wait ] && exec cat {ended}\nexit 0')
    for needed in ("cat", "sh"):
        (folder / needed).symlink_to(shutil.which(needed, path=os.defpath) or needed)
    serving = asyncio.create_task(_serve_management(log))
    yield log
    serving.cancel()
    await asyncio.wait([serving])


async def _serve_management(log: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
        writer.close()

    pattern = re.compile(r"--publish=127\.0\.0\.1:(\d+):15672")
    await eventually(lambda: pattern.search(log.read_text()) is not None)
    port = int(pattern.findall(log.read_text())[-1])  # noqa: ASYNC240 (a few lines)
    async with await asyncio.start_server(answer, "127.0.0.1", port) as server:
        await server.serve_forever()


async def test_a_container_is_pinned_on_loopback_and_removed_at_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with a_docker(tmp_path) as log:
        async with locate(home=tmp_path / "home") as located:
            started = log.read_text()
        ended = log.read_text()[len(started) :]
        again = Container(tmp_path / "home")

    assert located.way is Way.CONTAINER
    assert IMAGE in started
    assert "rm -f" not in started
    assert re.search(r"--publish=127\.0\.0\.1:\d+:5672", started)
    assert "/var/lib/rabbitmq" in started
    assert "rm -f -v lienthong-" in ended
    assert located.metrics_url is not None
    assert f"{located.metrics_url.removeprefix('http://')}:15692" in started
    # The account was made with the data.
    (tmp_path / "log").unlink()
    async with a_second(again, tmp_path):
        assert again.amqp_url.partition("@")[0] == located.amqp_url.partition("@")[0]


async def test_a_container_that_ends_is_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with a_docker(tmp_path) as log, Container():
        await eventually(lambda: "wait lienthong-" in log.read_text())

        await asyncio.to_thread((tmp_path / "ended").write_text, "137\n")

        await eventually(lambda: "\nstart lienthong-" in log.read_text())


async def test_a_container_without_a_home_leaves_no_volume(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A demonstration has none; the image's own volume goes with the container."""
    monkeypatch.setenv("PATH", str(tmp_path))
    async with a_docker(tmp_path) as log, locate():
        assert "--volume" not in log.read_text()


@asynccontextmanager
async def a_second(container: Container, folder: Path) -> AsyncIterator[None]:
    for name in ("docker", "cat", "sh"):
        (folder / name).unlink()
    async with a_docker(folder), container:
        yield


async def test_a_container_is_removed_when_its_owner_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with a_docker(tmp_path) as log:
        owner = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OWNER, stdout=subprocess.PIPE
        )
        assert owner.stdout is not None
        assert await owner.stdout.readline() == b"up\n"

        owner.kill()
        await owner.wait()

        await eventually(lambda: "rm -f -v lienthong-" in log.read_text())
