"""`lienthong up`: the axis and its workers, one process group on embedded defaults."""

import asyncio
import shlex
import signal
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.text import Text

from bus.bootstrap.axis import open_axis
from bus.bootstrap.parent import Parent
from bus.bootstrap.process import processors
from bus.cli.options import AnyHome, MetricsPort, Workers
from bus.cli.output import say, screen
from bus.cli.service import Agencies, begin, forked_launcher, mailboxes_meant
from bus.processes.launcher import ProcessLauncher
from bus.rabbit.tls import without_login
from bus.settings import Settings, load_settings
from schemas.identifiers import MailboxName


def up(
    home: AnyHome = None,
    agencies: Agencies = None,
    max_packet_bytes: Annotated[
        int | None, typer.Option(help="Largest packet file that is taken. Default: 2 GiB.")
    ] = None,
    workers: Workers = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Run the axis until Ctrl-C. Drop edXML files into <home>/agencies/<code>/outbox.

    Uses the broker of LIENTHONG_AMQP_URL, else an installed rabbitmq-server as a private node,
    else a Docker engine. Everything else lives in the home.
    """
    settings = load_settings(
        home=home, max_packet_bytes=max_packet_bytes, workers=workers, metrics_port=metrics_port
    )
    # Forked before anything is read or begun: a worker for each processor, and the dead letters.
    launcher = forked_launcher((settings.workers or processors()) + 1)
    begin(settings)
    only = mailboxes_meant(settings, agencies)
    try:
        uvloop.run(_run(settings, only, launcher))
    finally:
        launcher.dismiss()


async def _run(
    settings: Settings, only: frozenset[MailboxName] | None, launcher: ProcessLauncher
) -> None:
    console, stop = screen(stderr=True), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_axis(
        settings, only=only, stop=stop, progress=console.print, launcher=launcher
    ) as axis:
        running = asyncio.create_task(axis.run())
        if not stop.is_set():
            _greet(axis, console)
        await stop.wait()
        console.print("stopping: finishing what is under way")
        await running
    console.print("stopped; nothing is lost")


def _greet(axis: Parent, console: Console) -> None:
    mailboxes = axis.mailboxes
    shown = ", ".join(mailboxes[:8]) + (" …" if len(mailboxes) > 8 else "")
    say(
        console,
        Text.assemble(
            ("the axis is up", "bold green"),
            f": {len(mailboxes)} agencies ({shown}), workers: {axis.workers}\n"
            f"drop edXML or JSON files into  {axis.home.agencies}/<code>/outbox\n"
            f"documents arrive in            {axis.home.agencies}/<code>/inbox/documents\n"
            f"receipts and statuses in       {axis.home.agencies}/<code>/inbox/statuses\n",
            _development(axis),
            f"broker's management             {_management(axis)}\n"
            f"  (account and password: {axis.home.running_file})\n"
            f"watch it with                   "
            f"lienthong top --home {shlex.quote(str(axis.settings.home))}\n"
            "stop with Ctrl-C",
        ),
    )


def _development(axis: Parent) -> Text:
    """A line that says so when signatures prove nothing to others."""
    count = axis.signing_in_development
    if not count:
        return Text()
    return Text.assemble(
        ("DEVELOPMENT certificates", "yellow"),
        f"       {count} of {len(axis.mailboxes)} agencies sign with them: not for production "
        "(lienthong keys list)\n",
    )


def _management(axis: Parent) -> str:
    return "" if axis.address is None else without_login(axis.address.management_url) or ""
