"""`lienthong connect`: one agency's worker on its own machine, on the broker of the hub."""

import asyncio
import signal
from functools import partial
from typing import Annotated

import typer
import uvloop
from rich.text import Text

from bus.bootstrap.connection import open_connection
from bus.cli.options import Home
from bus.cli.output import say, screen
from bus.cli.service import begin, forked_launcher
from bus.processes.launcher import ProcessLauncher
from bus.settings import Settings, load_settings


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
    try:
        uvloop.run(_run(settings, agency, launcher))
    finally:
        launcher.dismiss()


async def _run(settings: Settings, agency: str, launcher: ProcessLauncher) -> None:
    console, stop = screen(stderr=True), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # What a broker says is data: never markup, and on one line.
    progress = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    async with open_connection(
        settings, agency, stop=stop, progress=progress, launcher=launcher
    ) as connected:
        running = asyncio.create_task(connected.run())
        if not stop.is_set():
            folder = connected.home.agencies / agency
            say(
                console,
                Text.assemble(
                    (f"{agency} is connected", "bold green"),
                    f"\nits folders: {folder}\n"
                    f"metrics and health: {connected.metrics_url or 'not served'}\n"
                    "stop with Ctrl-C",
                ),
            )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        console.print("stopping: finishing what is under way")
        await running
    console.print("stopped; nothing is lost")
