"""The commands that run a parent process: `lienthong up` and `lienthong connect`."""

import asyncio
import shlex
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Annotated

import typer
import uvloop
from rich.text import Text

from bus.bootstrap.axis import open_axis
from bus.bootstrap.connection import open_connection
from bus.bootstrap.parent import Parent
from bus.bootstrap.process import processors
from bus.cli.options import AnyHome, Home, MetricsPort, Workers
from bus.cli.output import say, screen
from bus.cli.service import Agencies, begin, forked_launcher, mailboxes_meant
from bus.processes.launcher import ProcessLauncher
from bus.processes.parent import obey_signals
from bus.rabbit.tls import without_login
from bus.settings import load_settings


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
    _run(partial(open_axis, settings, only=only), _axis_is_up, launcher)


def connect(
    agency: Annotated[str, typer.Option(help="The agency's own code, for example H24.")],
    home: Home = None,
) -> None:
    """Run one agency's adapter under its own account, until Ctrl-C.

    The home holds the agency's own keys and a copy of the hub's directory, as `lienthong agency
    credentials` lays them out on the hub; LIENTHONG_AMQP_URL names the hub's broker. Nothing is
    provisioned, and no administrator's account is needed.

    A login, certificate or right that the broker refuses ends it with exit 2. While the broker does
    not answer, it says "not connected yet" with the reason, and tries again.
    """
    settings = load_settings(home=home)
    launcher = forked_launcher(1)
    begin(settings)
    _run(partial(open_connection, settings, agency), partial(_is_connected, agency), launcher)


def _run(
    open_parent: Callable[..., AbstractAsyncContextManager[Parent]],
    greeting: Callable[[Parent], Text],
    launcher: ProcessLauncher,
) -> None:
    try:
        uvloop.run(_until_stopped(partial(open_parent, launcher=launcher), greeting))
    finally:
        launcher.dismiss()


async def _until_stopped(
    open_parent: Callable[..., AbstractAsyncContextManager[Parent]],
    greeting: Callable[[Parent], Text],
) -> None:
    console, stop = screen(stderr=True), asyncio.Event()
    obey_signals(stop)
    async with open_parent(stop=stop, progress=partial(say, console)) as parent:
        running = asyncio.create_task(parent.run())
        if not stop.is_set():
            say(console, greeting(parent))
        await stop.wait()
        console.print("stopping: finishing what is under way")
        await running
    console.print("stopped; nothing is lost")


def _axis_is_up(axis: Parent) -> Text:
    mailboxes = axis.mailboxes
    shown = ", ".join(mailboxes[:8]) + (" …" if len(mailboxes) > 8 else "")
    management = None if axis.address is None else without_login(axis.address.management_url)
    return Text.assemble(
        ("the axis is up", "bold green"),
        f": {len(mailboxes)} agencies ({shown}), workers: {axis.workers}\n"
        f"drop edXML or JSON files into  {axis.home.agencies}/<code>/outbox\n"
        f"documents arrive in            {axis.home.agencies}/<code>/inbox/documents\n"
        f"receipts and statuses in       {axis.home.agencies}/<code>/inbox/statuses\n",
        _development(axis),
        f"broker's management             {management or ''}\n"
        f"  (account and password: {axis.home.running_file})\n"
        f"watch it with                   "
        f"lienthong top --home {shlex.quote(str(axis.settings.home))}\n"
        "stop with Ctrl-C",
    )


def _development(axis: Parent) -> Text:
    """A warning when the signatures prove nothing to others."""
    count = axis.signing_in_development
    if not count:
        return Text()
    return Text.assemble(
        ("DEVELOPMENT certificates", "yellow"),
        f"       {count} of {len(axis.mailboxes)} agencies sign with them: not for production "
        "(lienthong keys list)\n",
    )


def _is_connected(agency: str, parent: Parent) -> Text:
    return Text.assemble(
        (f"{agency} is connected", "bold green"),
        f"\nits folders: {parent.home.agencies / agency}\n"
        f"metrics and health: {parent.metrics_url or 'not served'}\n"
        "stop with Ctrl-C",
    )
