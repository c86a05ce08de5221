"""`lienthong worker`: one of the processes that `lienthong up` runs the agencies' adapters in."""

from typing import Annotated

import structlog
import typer
import uvloop

from bus.bootstrap.process import settle_process
from bus.bootstrap.worker import run_worker
from bus.cli.options import AnyHome
from bus.cli.output import Exit
from bus.core.placement import WorkerName
from bus.observability.logs import configure
from bus.settings import LogStyle, load_settings


def worker(
    part: Annotated[str, typer.Option(help="Which worker of how many, for example 1/2.")],
    home: AnyHome = None,
) -> None:
    """Run the adapters of a share of the agencies. Started by `lienthong up`, never by hand.

    `up` starts as many workers as there are processors (or as `--workers` says), tells each on its
    standard input which agencies it serves, hears from it what happens, and starts it again when
    it ends. A worker finishes what is under way on SIGTERM, so `kill <pid>` restarts one alone;
    it ends by itself when `up` is gone.
    """
    settings = load_settings(home=home)
    settle_process()
    configure(
        as_json=settings.log_style is LogStyle.JSON, quiet=settings.log_style is LogStyle.QUIET
    )
    structlog.contextvars.bind_contextvars(worker=part)
    well = uvloop.run(run_worker(settings, WorkerName(part)))
    raise typer.Exit(Exit.DONE if well else Exit.REFUSED)
