"""No password shows: not in what commands print, not in files, not in the list of processes."""

import json
import os
import stat
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from bus.rabbit.locate import Located
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet
from tests.support.rabbit_bus import virtual_host

MARK = "S3cr3t-m4rk-0f-th3-t3st"
ACCOUNT = "marked"
NOWHERE = f"amqp://{ACCOUNT}:{MARK}@127.0.0.1:9/"
KNOWN_TO_HOLD_IT = {"running.json"}
"""For its owner only: by it other commands reach the broker."""


@pytest.fixture
async def marked(rabbit: Located) -> AsyncIterator[dict[str, str]]:
    """Settings that lead to a broker by an account whose password is the mark."""
    management = rabbit.management_url
    async with virtual_host(rabbit) as host, httpx.AsyncClient(trust_env=False) as client:
        user = f"{management}/api/users/{ACCOUNT}"
        tags = {"password": MARK, "tags": "administrator,impersonator"}
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        (await client.put(user, json=tags)).raise_for_status()
        allowed = f"{management}/api/permissions/{quote(host.name, safe='')}/{ACCOUNT}"
        (await client.put(allowed, json=everything)).raise_for_status()
        at = urlsplit(management)
        yield {
            "LIENTHONG_AMQP_URL": host.url_of(ACCOUNT, MARK),
            "LIENTHONG_MANAGEMENT_URL": f"http://{ACCOUNT}:{MARK}@{at.hostname}:{at.port}",
        }
        await client.delete(user)


def files_with_the_mark(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)) for path in found if MARK.encode() in path.read_bytes()}


def processes() -> Iterator[Path]:
    return (path for path in Path("/proc").iterdir() if path.name.isdigit())


def every_command_line() -> Iterator[str]:
    for process in processes():
        with suppress(FileNotFoundError, ProcessLookupError):
            yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def command_lines_with_the_mark() -> list[str]:
    return [line for line in every_command_line() if MARK in line]


def passwords_of_accounts(home: Path) -> list[str]:
    """What lies in a home for the axis to log in as others; each for its owner only."""
    files = [path for path in (home / "accounts").iterdir() if path.suffix == ".password"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    return [path.read_text(encoding="ascii").strip() for path in files]


def environments_with_the_mark_that_others_may_read() -> list[str]:
    found = []
    for process in processes():
        try:
            path = process / "environ"
            mode = path.stat().st_mode
            if MARK.encode() in path.read_bytes() and mode & (stat.S_IRGRP | stat.S_IROTH):
                found.append(process.name)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def test_a_running_axis_and_the_commands_beside_it_show_no_password(
    marked: dict[str, str], tmp_path: Path
) -> None:
    with RunningAxis(tmp_path, "--agencies", "G22,H24", "--workers", "2", **marked) as axis:
        axis.agency("G22").drop("a.edxml", a_packet(sender="G22", receivers=["H24"], number="1"))
        axis.agency("G22").drop("b.edxml", b"<not a packet")
        eventually(lambda: axis.agency("H24").inbox())
        eventually(lambda: axis.agency("G22").refusal("b.edxml"))
        commands: tuple[tuple[str, ...], ...] = (
            ("topology", "plan", "--json"),
            ("dlq", "list", "--json"),
            ("keys", "show", "--json"),
        )
        said = [lienthong(*command, "--home", tmp_path) for command in commands]
        lines = command_lines_with_the_mark()
        environments = environments_with_the_mark_that_others_may_read()
        files = files_with_the_mark(tmp_path)
        others = passwords_of_accounts(tmp_path)
        told = axis.said() + "".join(every_command_line())
        running = tmp_path / "running.json"
        assert MARK in json.loads(running.read_bytes())["amqp_url"]
        assert stat.S_IMODE(running.stat().st_mode) == 0o600
        assert running.stat().st_uid == os.getuid()

    assert all(MARK.encode() not in each.stdout + each.stderr for each in said)
    assert (lines, environments) == ([], [])
    assert files == KNOWN_TO_HOLD_IT
    assert MARK not in axis.said()
    assert len(others) > 2
    assert not any(password in told for password in others)
    assert files_with_the_mark(tmp_path) == set()


WRONG: tuple[tuple[tuple[str, str], dict[str, str]], ...] = (
    (("topology", "plan"), {"LIENTHONG_MANAGEMENT_URL": f"http://a:{MARK}@127.0.0.1:9"}),
    (("topology", "plan"), {"LIENTHONG_AMQP_URL": f"amqp://a:{MARK}/x@127.0.0.1:9/"}),
    (("dlq", "list"), {"LIENTHONG_DATABASE_URL": f"postgresql://a:{MARK}@127.0.0.1:9/x"}),
    (("dlq", "list"), {"LIENTHONG_DATABASE_URL": MARK}),
)


def test_a_command_that_fails_over_its_settings_does_not_say_the_password(tmp_path: Path) -> None:
    def fail(case: tuple[tuple[str, str], dict[str, str]]) -> bytes:
        command, settings = case
        environment = {"LIENTHONG_AMQP_URL": NOWHERE} | settings
        ended = lienthong(*command, "--home", tmp_path, **environment)
        assert ended.returncode in {1, 2}
        return ended.stdout + ended.stderr

    with ThreadPoolExecutor(2) as several:
        said = list(several.map(fail, WRONG))

    assert all(each.strip() for each in said)
    assert all(MARK.lower().encode() not in each.lower() for each in said)
    assert files_with_the_mark(tmp_path) == set()
