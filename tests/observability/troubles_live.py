"""Troubles, live: each is caused for real, and its alarm seen to begin and to end.

`make alarms` runs an axis of three agencies beside a real Prometheus with our own rules, whose
waits are shortened to seconds. What the rules say over hours is left to `test_alarms`.
"""

import asyncio
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from os import kill
from pathlib import Path

import httpx
import yaml
from cryptography import x509
from rich.console import Console
from rich.table import Table

from bus.rabbit.residence import free_ports
from tests.chaos.up import Up
from tests.observability.look import PROMETHEUS, Asking, configuration, running, slip_in
from tests.support.certificates import Issuer, leaf, pem, root
from tests.support.mortal import memory_alarm
from tests.support.packages import program

CODES = ("G22", "H24", "H41")
_PATIENCE = timedelta(seconds=120)
_SOON = {"for": "4s", "keep_firing_for": "6s"}

Trouble = Callable[["Scene"], AbstractAsyncContextManager[None]]


class Scene:
    """An axis under the eyes of Prometheus."""

    def __init__(self, up: Up, asking: Asking, authority: Issuer) -> None:
        self.up = up
        self.asking = asking
        self.authority = authority

    def command(self, *arguments: str | Path) -> bytes:
        """Type a command as its operator would."""
        command = [sys.executable, "-m", "bus.cli", *map(str, arguments)]
        done = subprocess.run(
            [*command, "--home", str(self.up.home)], capture_output=True, check=False, timeout=60
        )
        assert done.returncode in {0, 1, 3}, done.stderr.decode()
        return done.stdout

    def certify(self, code: str, *, days: int) -> None:
        """Bring in a certificate of a real authority that ends in so many days."""
        folder, now = self.up.home, datetime.now(UTC)
        asked = x509.load_pem_x509_csr(self.command("keys", "request", code))
        certificate = leaf(
            self.authority,
            asked.public_key(),
            starts=now - timedelta(hours=1),
            ends=now + timedelta(days=days),
        )
        (folder / "root.pem").write_bytes(self.authority.pem)
        (folder / "answer.pem").write_bytes(pem(certificate))
        self.command("keys", "import", folder / "root.pem", "--authority")
        self.command("keys", "import", folder / "answer.pem", "--as", code)

    async def fires(self, alarm: str, *, ever: bool) -> float:
        """Wait until an alarm fires, or no longer does; how long it took, in seconds."""
        began = time.monotonic()
        question = f'ALERTS{{alertname="{alarm}",alertstate="firing"}}'
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            while bool(await asyncio.to_thread(self.asking.ask, question)) is not ever:
                self.up.check()
                await asyncio.sleep(0.5)
        return time.monotonic() - began


@asynccontextmanager
async def system_away(scene: Scene) -> AsyncIterator[None]:
    """An agency's folders are not there, while a document waits for it."""
    folder, away = scene.up.home / "agencies/H24", scene.up.home / "away"
    folder.rename(away)
    yield
    away.rename(folder)


@asynccontextmanager
async def broker_short_of_memory(scene: Scene) -> AsyncIterator[None]:
    """The broker reads nothing more from those who publish."""
    async with memory_alarm(scene.up.node()):
        # A connection learns that it is blocked when it publishes (RabbitMQ manual).
        slip_in(scene.up.home, "H41", 1)
        yield


@asynccontextmanager
async def dead_letters(scene: Scene) -> AsyncIterator[None]:
    """More deliveries that nobody signed than anybody looks after."""
    await asyncio.to_thread(slip_in, scene.up.home, "H41", 60)
    yield
    everything = ("--all", "--yes", "--reason", "nobody signed them")
    await asyncio.to_thread(scene.command, "dlq", "discard", *everything)


@asynccontextmanager
async def certificate_end_neared(scene: Scene) -> AsyncIterator[None]:
    """The certificate of a real authority ends in 20 days, until the next one is brought in."""
    await asyncio.to_thread(scene.certify, "H41", days=20)
    yield
    await asyncio.to_thread(scene.certify, "H41", days=300)


@asynccontextmanager
async def workers_killed(scene: Scene) -> AsyncIterator[None]:
    """A worker is killed again and again."""
    for _ in range(4):
        kill(scene.up.worker_pids()[0], signal.SIGKILL)
        # It is started again, and each end is to be seen by a scrape of its own.
        await _until(lambda: _all_running(scene))
    yield


async def _all_running(scene: Scene) -> bool:
    return len(scene.up.worker_pids()) == 2 and await _all_answer(scene.asking)


TROUBLES: dict[str, tuple[Trouble, str]] = {
    "an agency's system is away": (system_away, "EndpointAway"),
    "the broker is blocked": (broker_short_of_memory, "BrokerBlocked"),
    "dead letters pile up": (dead_letters, "DeadLettersPilingUp"),
    "a certificate ends in 20 days": (certificate_end_neared, "CertificateEndsIn30Days"),
    "workers are killed": (workers_killed, "WorkerRestarting"),
}


def hurried_rules(folder: Path) -> None:
    """Our rules with waits of seconds, and looks back of half a minute."""
    for file in (PROMETHEUS / "rules").glob("*.yml"):
        rules = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule.update({key: value for key, value in _SOON.items() if key in rule})
                rule["expr"] = re.sub(r"\[\d+m\]", "[30s]", rule["expr"])
        (folder / file.name).write_text(yaml.safe_dump(rules), encoding="utf-8")


@asynccontextmanager
async def observed(folder: Path) -> AsyncIterator[Scene]:
    """The axis and Prometheus."""
    up, (port,) = Up(folder / "axis", CODES), free_ports(1)
    up.home.mkdir()
    (folder / "rules").mkdir()
    hurried_rules(folder / "rules")
    now = datetime.now(UTC)
    authority = root(starts=now - timedelta(days=1), ends=now + timedelta(days=900))
    config = configuration(folder, up.home / "prometheus-targets.json")
    ours = str(PROMETHEUS / "rules")
    config.write_text(config.read_text().replace(ours, str(folder / "rules")), encoding="utf-8")
    prometheus = [
        str(program("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    await up.start()
    try:
        with ExitStack() as stack:
            stack.enter_context(running(prometheus, folder / "prometheus.log"))
            scene = Scene(up, Asking(f"http://127.0.0.1:{port}"), authority)
            await _until(lambda: _all_answer(scene.asking))
            yield scene
    finally:
        await up.end()


async def _all_answer(asking: Asking) -> bool:
    return bool(asking.ask("up")) and not asking.ask("min_over_time(up[5s]) == 0")


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_PATIENCE.total_seconds()):
        while True:
            try:
                if await holds():
                    return
            except (httpx.HTTPError, OSError, ValueError):
                pass  # not there yet
            await asyncio.sleep(0.5)


async def main() -> None:
    """Print when each alarm began and ended; fails when one does not within two minutes."""
    console = Console(width=110)
    table = Table("trouble", "alarm", "began after s", "ended after s", title="Alarms, live")
    with tempfile.TemporaryDirectory(prefix="lienthong-alarms-") as scratch:
        async with observed(Path(scratch)) as scene:
            for trouble, (cause, alarm) in TROUBLES.items():
                console.print(f"{trouble} …")
                async with cause(scene):
                    began = await scene.fires(alarm, ever=True)
                ended = await scene.fires(alarm, ever=False)
                table.add_row(trouble, alarm, f"{began:.0f}", f"{ended:.0f}")
    console.print(table)


if __name__ == "__main__":
    asyncio.run(main())
