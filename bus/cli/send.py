"""`lienthong send`: drop a file into an agency's outbox, whole, and wait for what becomes of it."""

import asyncio
import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.endpoints.naming import name_to_drop
from bus.bootstrap.directory import directory_of
from bus.cli.options import Home
from bus.cli.output import Exit, note, print_json
from bus.core.routing import Routing
from bus.core.sealing import asks_to_be_sealed
from bus.home.layout import Home as HomeFolder
from bus.observability.scrape import read
from bus.settings import load_settings
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.vietnam import day_in_vietnam

_LOOK_EVERY_SECONDS = 0.1
_SEALED = ".sealed"


def send(
    file: Annotated[Path, typer.Argument(help="An edXML or canonical JSON file.", dir_okay=False)],
    agency: Annotated[str, typer.Option("--as", help="Code of the agency that sends it.")],
    home: Home = None,
    seal: Annotated[
        bool, typer.Option("--seal", help="Only its recipients can read it, or it is refused.")
    ] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for the outcome; 0 only drops it.", min=0)
    ] = 30.0,
) -> None:
    """Send a file as an agency: exactly what its system does by writing into its outbox.

    Exit 0: sent. 1: refused, with the reasons on standard output. 3: still waiting in the outbox,
    for example because no axis runs in this home, which is said at once; it is sent when one does.
    """
    if not file.is_file():
        raise typer.BadParameter(f"{file} is no file", param_hint="FILE")
    settings = load_settings(home=home)
    folder, routing = HomeFolder(settings.home), Routing(directory_of(settings).load())
    today = day_in_vietnam(datetime.now(UTC))
    mailbox = routing.mailbox_meant(agency, today)
    mine = folder.agencies / mailbox
    name = _drop(file, mine / "outbox", seal=seal or asks_to_be_sealed(file.name))
    if not folder.is_in_use():
        note(f"no axis runs in {folder.path}: {name} waits in the outbox of {mailbox}")
        raise typer.Exit(Exit.WAITING if wait else Exit.DONE)
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        if not (mine / "outbox" / name).exists():
            raise typer.Exit(_outcome(mine, name))
        time.sleep(_LOOK_EVERY_SECONDS)
    note(f"{name} waits in the outbox of {mailbox}{_because(folder, mailbox)}")
    raise typer.Exit(Exit.WAITING if wait else Exit.DONE)


def _drop(file: Path, outbox: Path, *, seal: bool) -> str:
    """Copy under a hidden name, then rename, so that the axis never reads an incomplete file."""
    outbox.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    name = name_to_drop(file.name, stamp, ending=_SEALED if seal else "")
    hidden = outbox / f".{name}.part"
    try:
        shutil.copyfile(file, hidden)
        hidden.rename(outbox / name)
    finally:
        hidden.unlink(missing_ok=True)
    return name


def _because(folder: HomeFolder, mailbox: MailboxName) -> str:
    """Why a file waits although an axis runs, if the axis shows the reason."""
    running = folder.running()
    if running is None or running.metrics_url is None:
        return ""
    try:
        up = asyncio.run(read(running.metrics_urls)).value("endpoint_up", agency=mailbox)
    except AxisError as error:
        return f": {error.problem.text()}"
    if up is None:
        return ": the axis that runs here has no adapter for it (lienthong up --agencies)"
    return "" if up else ": its folders cannot be used now; see 'lienthong dlq groups'"


def _outcome(mine: Path, name: str) -> Exit:
    reasons = mine / "refused" / f"{name}.error.json"
    if reasons.exists():
        print_json(json.loads(reasons.read_text(encoding="utf-8")))
    if (mine / "sent" / name).exists():
        note(f"{name} is sent")
        return Exit.DONE
    return Exit.REFUSED
