"""Service: the options and the start of every command that runs until a signal stops it."""

import os
from importlib import import_module
from typing import Annotated

import structlog
import typer

from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now, settle_process
from bus.cli.app import main
from bus.core.routing import Routing
from bus.observability.logs import configure, log_misspelt
from bus.processes.launcher import ProcessLauncher
from bus.settings import LogStyle, Settings, misspelt
from schemas.identifiers import MailboxName
from schemas.vietnam import day_in_vietnam

Agencies = Annotated[
    str | None,
    typer.Option(
        help="Run the adapters of these agencies only, for example G22,H24. Default: all. "
        "Documents for the others wait in their mailboxes.",
    ),
]

_MODULES_OF_CHILDREN = (
    "adapters.endpoints.folder",
    "adapters.formats.canonical_json",
    "adapters.formats.edxml",
    "bus.cli.dead_letters",
    "bus.cli.worker",
)


def begin(settings: Settings, **bound: str) -> None:
    """Prepare this process and its log.

    Args:
        bound: What every line of the log says.
    """
    settle_process()
    configure(
        as_json=settings.log_style is LogStyle.JSON, quiet=settings.log_style is LogStyle.QUIET
    )
    structlog.contextvars.bind_contextvars(**bound)
    if "LIENTHONG_PARENT" not in os.environ:
        log_misspelt(misspelt(os.environ))


def forked_launcher(processes: int) -> ProcessLauncher:
    """A launcher with so many processes, which wait for commands of this parent.

    They are forked with the modules of a worker: they start sooner than processes that import these
    themselves, and the memory for the modules is needed once.
    """
    for module in _MODULES_OF_CHILDREN:
        import_module(module)
    settle_process()
    launcher = ProcessLauncher()
    launcher.fork(processes, main)
    return launcher


def mailboxes_meant(settings: Settings, agencies: str | None) -> frozenset[MailboxName] | None:
    """The mailboxes that `--agencies` means; None: all."""
    if not agencies:
        return None
    routing = Routing(directory_of(settings).load())
    today = day_in_vietnam(now())
    codes = (code.strip() for code in agencies.split(",") if code.strip())
    return frozenset(routing.mailbox_meant(code, today) for code in codes)
