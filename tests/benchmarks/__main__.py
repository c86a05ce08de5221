"""`make bench`: the hops side by side, the first month, an idle axis, and what operators wait for.

Speed is reported, never asserted. Compare ratios of one run, not numbers of two machines.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Column, Table

from bus.bootstrap.broker import located_broker
from bus.bootstrap.process import settle_process
from bus.observability.logs import configure
from bus.rabbit.locate import locate
from bus.settings import load_settings
from tests.benchmarks import idle, starting
from tests.benchmarks.bare_hop import bare_hop
from tests.benchmarks.dead_letters import measure
from tests.benchmarks.faststream_hop import faststream_hop
from tests.benchmarks.measure import Hop, best_of
from tests.benchmarks.observed_hop import observed_hop
from tests.benchmarks.our_hop import our_hop
from tests.benchmarks.replay import ReplayRate, replay_rate


def main(
    *,
    messages: int = typer.Option(4000, help="Messages of each hop."),
    rounds: int = typer.Option(3, help="Rounds; the best of each hop counts."),
    first_month: bool = typer.Option(True, help="Also replay the first month."),
    letters: int = typer.Option(1_000_000, help="Dead letters to look through; 0: none."),
    replays: int = typer.Option(10_000, help="Dead letters to replay; 0: none."),
    axis: bool = typer.Option(True, help="Also an axis that starts, rests and stops."),
) -> None:
    """Measure, and print one table."""
    settle_process()
    configure(as_json=False, quiet=True)
    with tempfile.TemporaryDirectory() as home:
        hops, replay = asyncio.run(_hops(Path(home), messages, rounds, replays))
    _print(hops)
    if replay is not None:
        Console().print(
            f"Replay of {replays:,} dead letters: {replay.replay:,.0f}/s. A plain publish of the "
            f"same: {replay.bare:,.0f}/s by aio-pika ({replay.replay / replay.bare:.2f}), "
            f"{replay.plain:,.0f}/s by ours ({replay.replay / replay.plain:.2f})"
        )
    if first_month:
        print_first_month()
    if letters:
        print_dead_letters(letters)
    if axis:
        Console().print(str(starting.measure()), highlight=False)
        Console().print(str(idle.measure()), highlight=False)


async def _hops(
    home: Path, messages: int, rounds: int, replays: int
) -> tuple[list[Hop], ReplayRate | None]:
    settings = load_settings(home=home)
    # A broker of our own once without TLS, for the comparison, and once as it runs for agencies.
    given = settings.broker_url, settings.broker_management_url
    async with (
        locate(amqp_url=given[0], management_url=given[1]) as plain,
        located_broker(settings) as secure,
    ):
        measured = []
        for _ in range(rounds):
            # In turn, so that a slow minute of the machine hits them all.
            measured += [
                await bare_hop(plain.amqp_url, messages),
                await faststream_hop(plain.amqp_url, messages),
                await our_hop(plain, messages),
                await observed_hop(plain, messages),
                await bare_hop(secure.amqp_url, messages, name="aio-pika, bare, TLS"),
                await our_hop(
                    secure,
                    messages,
                    name="Liên Thông, signed, TLS, own accounts",
                    accounts=home / "accounts",
                ),
            ]
        replay = await replay_rate(plain, home, replays) if replays else None
        return best_of(measured), replay


def _print(hops: list[Hop]) -> None:
    bare = hops[0]
    table = Table(title="One hop of a 4 KB body: confirmed publish, quorum queue, consume, ack")
    for column in ("hop", "per second", "ratio", "CPU µs", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "hop" else "right")
    for hop in hops:
        table.add_row(
            hop.name,
            f"{hop.per_second:,.0f}",
            f"{hop.per_second / bare.per_second:.2f}",
            f"{hop.cpu_us:.0f}",
            f"{hop.p50_ms:.1f}",
            f"{hop.p99_ms:.1f}",
        )
    Console().print(table)
    plain, observed = (
        next(hop for hop in hops if hop.name == name)
        for name in ("Liên Thông, signed", "Liên Thông, observed")
    )
    Console().print(
        f"Observed, a hop keeps {observed.per_second / plain.per_second:.3f} of its rate and takes "
        f"{observed.cpu_us / plain.cpu_us:.3f} of its CPU"
    )


def print_first_month() -> None:
    """Replay March 2019 through the whole path, observed and not."""
    (told, cpu), (blind, blind_cpu) = _first_month(metrics=True), _first_month(metrics=False)
    seen = told["total"]["seen"]
    Console().print(
        f"First month: {seen['sent']:,} documents to {seen['received']:,} receivers, "
        f"{seen['receipts']:,} receipts in {told['seconds']:.0f} s; "
        f"{told['lost']} lost, {told['twice']} twice; "
        f"hand-over p50 {told['p50_seconds']:.1f} s, p99 {told['p99_seconds']:.1f} s\n"
        f"Not observed, without metrics, account and health: {blind['seconds']:.0f} s; observed it "
        f"keeps {blind['seconds'] / told['seconds']:.3f} of the rate and takes "
        f"{cpu / blind_cpu:.3f} of the CPU, that of the broker included"
    )


def _first_month(*, metrics: bool) -> tuple[dict[str, Any], float]:
    """One replay, in a process of its own; and the seconds of CPU that it took."""
    before = _seconds_of_children()
    run = subprocess.run(
        [sys.executable, "-m", "bus.cli", "demo", "--first-month", "--json"],
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ | {"LIENTHONG_METRICS": json.dumps(metrics)},
    )
    return json.loads(run.stdout), _seconds_of_children() - before


def _seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def print_dead_letters(number: int) -> None:
    """Fill a store, look through it, act upon it."""
    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(measure(Path(folder), number))
    table = Table("what", Column("ms", justify="right"), title=f"{number:,} dead letters, SQLite")
    for timed in measured:
        table.add_row(timed.name, f"{timed.milliseconds:,.1f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
