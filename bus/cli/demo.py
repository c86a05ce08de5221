"""`lienthong demo`: 95 bodies exchange documents, and every delivery is counted."""

import asyncio
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from bus.bootstrap.axis import open_axis
from bus.bootstrap.process import now, settle_process
from bus.cli.options import MetricsPort, Workers
from bus.cli.output import AsJson, Exit, print_json, screen, show_table
from bus.demo.drop import Drop
from bus.demo.generator import plan
from bus.demo.outline import FIRST_MONTH_DELIVERIES, FIRST_MONTH_DOCUMENTS
from bus.demo.report import agency_table, as_json_values, refusal_table
from bus.demo.run import Exchanged, Outcome, play
from bus.demo.samples import FilePool
from bus.observability.logs import configure
from bus.settings import LogStyle, Settings, load_settings
from schemas.directory import Directory
from schemas.problem import AxisError
from schemas.vietnam import day_in_vietnam

_POOL = 40


def demo(
    documents: Annotated[int, typer.Option(help="How many documents are exchanged.", min=1)] = 300,
    first_month: Annotated[
        bool,
        typer.Option(
            "--first-month",
            help="Replay the volume of March 2019: 8,315 documents to 19,296 receivers.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same documents.")] = 2019,
    keep: Annotated[
        Path | None, typer.Option(help="Keep everything in this folder.", file_okay=False)
    ] = None,
    workers: Workers = None,
    metrics_port: MetricsPort = None,
    linger: Annotated[
        int,
        typer.Option(help="Seconds to keep running at the end, for scrapes.", min=0),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Exchange invented documents on a broker of our own, and check every number.

    Exit 0 when every number is as planned; 1 when anything is lost, doubled or unexpected.
    """
    console = screen(stderr=True)
    files = _files(seed)
    settle_process()
    configure(as_json=False, quiet=True)

    def drops_of(directory: Directory, today: date) -> tuple[Drop, ...]:
        if not first_month:
            return plan(directory, files, documents=documents, seed=seed, today=today)
        return plan(
            directory,
            files,
            documents=FIRST_MONTH_DOCUMENTS,
            deliveries=FIRST_MONTH_DELIVERIES,
            statuses=0,
            broken=0,
            seed=seed,
            today=today,
        )

    with tempfile.TemporaryDirectory(prefix="lienthong-demo-") as scratch:
        settings = load_settings(
            home=keep or Path(scratch),
            workers=workers,
            metrics_port=metrics_port,
            log_style=LogStyle.QUIET,
        )
        run = _run(settings, files, drops_of, linger, console, keep=keep is not None)
        outcome = uvloop.run(run)
    _show(outcome, as_json=as_json)
    raise typer.Exit(Exit.DONE if outcome.account.exact else Exit.REFUSED)


def _files(seed: int) -> FilePool:
    """The files to attach. Raises `ConfigurationError` E_EXTRA_MISSING."""
    try:
        # An optional package: without it every other command works.
        from bus.demo.pdf import make_pool  # noqa: PLC0415
    except ImportError as error:
        raise AxisError.of("E_EXTRA_MISSING", extra="demo", setting="lienthong demo") from error
    return make_pool(count=_POOL, seed=seed)


async def _run(
    settings: Settings,
    files: FilePool,
    drops_of: Callable[[Directory, date], tuple[Drop, ...]],
    linger: int,
    console: Console,
    *,
    keep: bool,
) -> Outcome:
    stop = asyncio.Event()
    with console.status("starting") as status:
        async with open_axis(
            settings, only=None, stop=stop, progress=status.update, keep_broker=keep
        ) as axis:
            status.update("writing documents")
            drops = drops_of(axis.routing.directory, day_in_vietnam(now()))
            status.stop()
            running = asyncio.create_task(axis.run())
            with _progress(console) as bars:
                answered = bars.add_task("files answered", total=None)
                handed = bars.add_task("deliveries and receipts", total=None)

                def tick(seen: Exchanged, due: Exchanged) -> None:
                    bars.update(answered, completed=seen.answered, total=due.answered)
                    bars.update(handed, completed=seen.handed_over, total=due.handed_over)

                outcome = await play(axis, drops, files, progress=tick)
            await asyncio.sleep(linger)
            stop.set()
            await running
            return outcome


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:24}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _show(outcome: Outcome, *, as_json: bool) -> None:
    account = outcome.account
    total = account.seen.of(None)
    if as_json:
        times = {
            "seconds": round(outcome.seconds, 2),
            "p50_seconds": round(outcome.p50_seconds, 3),
            "p99_seconds": round(outcome.p99_seconds, 3),
        }
        print_json(as_json_values(account) | times)
        return
    console = screen()
    show_table(agency_table(account), console=console)
    if account.expected.refusals or account.seen.refusals:
        show_table(refusal_table(account), console=console)
    verdict = ("reconciled", "green") if account.exact else ("NOT RECONCILED", "bold red")
    console.print(
        Text.assemble(
            verdict,
            f": {total['sent']:,} documents to {total['received']:,} receivers, "
            f"{total['receipts']:,} signed receipts, {total['statuses']:,} statuses, "
            f"{total['refused']:,} files refused, {account.lost()} lost, {account.twice()} twice\n"
            f"{outcome.seconds:.1f} s from the first file dropped to the last receipt; "
            f"from signature to hand-over p50 {outcome.p50_seconds:.2f} s, "
            f"p99 {outcome.p99_seconds:.2f} s",
        )
    )
