"""The commands that run one service process, and what they share with `lienthong up`.

`lienthong up` starts `lienthong worker` and `lienthong dead-letters` as children.
"""

import os
from importlib import import_module
from typing import Annotated

import structlog
import typer
import uvloop

from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now, settle_process
from bus.cli.app import main
from bus.cli.options import AnyHome
from bus.core.routing import Routing
from bus.observability.logs import configure, log_misspelt
from bus.processes.launcher import ProcessLauncher
from bus.settings import LogStyle, Settings, load_settings, misspelt
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
    "bus.bootstrap.dead_letters",
    "bus.bootstrap.worker",
)


def worker(home: AnyHome = None, agencies: Agencies = None) -> None:
    """Run the adapters of the agencies, as one of any number of workers.

    Workers of one database share the mailboxes among them: one that joins takes its share, and when
    one dies the others take over within ten seconds. LIENTHONG_AMQP_URL names the broker, on which
    `lienthong topology apply` has made the mailboxes. `lienthong up` starts this command by itself.

    A worker finishes what is under way on SIGTERM and on Ctrl-C.
    """
    # Each process imports only what it runs.
    from bus.bootstrap.worker import run_worker  # noqa: PLC0415

    settings = load_settings(home=home)
    begin(settings, process="worker")
    uvloop.run(run_worker(settings, only=mailboxes_meant(settings, agencies)))


def dead_letters(home: AnyHome = None, agencies: Agencies = None) -> None:
    """Work on dead letters: record failures, retry what is due, carry out operators' orders.

    It also watches over revoked certificates, and counts where every delivery is.
    LIENTHONG_AMQP_URL names the broker, LIENTHONG_MANAGEMENT_URL its management. `lienthong up`
    starts this command by itself; `lienthong dlq` is what operators use.
    """
    from bus.bootstrap.dead_letters import run_dead_letters  # noqa: PLC0415

    settings = load_settings(home=home)
    begin(settings, process="dead-letters")
    uvloop.run(run_dead_letters(settings, only=mailboxes_meant(settings, agencies)))


def begin(settings: Settings, **bound: str) -> None:
    """Prepare this process and its log.

    Args:
        bound: Fields that every line of the log has.
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
