"""Run: plays a plan on a real axis, wave by wave, and takes the account from what lies on disk."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from adapters.endpoints.inbox import NOTE_SUFFIX
from bus.bootstrap.parent import Parent
from bus.bootstrap.process import now
from bus.demo.drop import Drop
from bus.demo.report import Count, Reconciliation, Tally, count_files, expect, reconcile
from bus.demo.samples import FilePool
from bus.observability.reading import quantile, read
from schemas.codes import StatusCode
from schemas.identifiers import AgencyCode

_LOOK_SECONDS = 0.2
_STALLED_AFTER_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """How far the exchange is, as the agencies' folders show."""

    answered: int = 0
    handed_over: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """What must have been seen by the end of a wave."""

    answered: int
    handed_over: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A played plan. `seconds` run from the first file dropped to the last receipt handed over."""

    account: Reconciliation
    seconds: float
    p50_seconds: float
    p99_seconds: float


def due_by_wave(drops: Sequence[Drop]) -> list[Due]:
    """Cumulative: every file answered; every delivery handed over, with its receipt."""
    dues, answered, handed = [], 0, 0
    for _, wave in groupby(drops, key=lambda drop: drop.wave):
        for drop in wave:
            total = expect([drop])
            answered += 1
            handed += sum(
                tally.received + tally.receipts + tally.statuses for tally in total.tallies.values()
            )
        dues.append(Due(answered=answered, handed_over=handed))
    return dues


async def play(
    axis: Parent,
    drops: Sequence[Drop],
    files: FilePool,
    *,
    progress: Callable[[Seen, Due], None],
) -> Outcome:
    """Write all packets aside, then let each wave appear in the outboxes and be exchanged."""
    aside = axis.home.path / ".demo"
    await asyncio.to_thread(_write, drops, files, aside, now())
    final = due_by_wave(drops)[-1]
    began = time.perf_counter()
    for (_, wave), due in zip(
        groupby(drops, key=lambda drop: drop.wave), due_by_wave(drops), strict=True
    ):
        await asyncio.to_thread(_appear, list(wave), aside, axis.home.agencies)
        await _reached(drops, axis.home.agencies, due, lambda seen: progress(seen, final))
    seconds = time.perf_counter() - began
    found = await asyncio.to_thread(count_on_disk, drops, axis.home.agencies)
    running = axis.home.running()
    samples = await read(() if running is None else running.metrics_urls)
    buckets = samples.buckets("end_to_end_seconds")
    return Outcome(
        account=reconcile(axis.routing.directory, expected=expect(drops), seen=found),
        seconds=seconds,
        p50_seconds=quantile(0.5, buckets) or 0.0,
        p99_seconds=quantile(0.99, buckets) or 0.0,
    )


async def _reached(
    drops: Sequence[Drop], agencies: Path, due: Due, tick: Callable[[Seen], None]
) -> None:
    """Wait for a wave to arrive; give up when nothing has moved for a minute."""
    before, moved = Seen(), time.monotonic()
    names = frozenset(drop.name for drop in drops)
    while before.answered < due.answered or before.handed_over < due.handed_over:
        await asyncio.sleep(_LOOK_SECONDS)
        seen = await asyncio.to_thread(_look, names, agencies)
        tick(seen)
        if seen != before:
            before, moved = seen, time.monotonic()
        elif time.monotonic() - moved > _STALLED_AFTER_SECONDS:
            return


def _look(names: frozenset[str], agencies: Path) -> Seen:
    answered = handed_over = 0
    for agency in agencies.iterdir():
        for folder in ("sent", "refused"):
            answered += sum(path.name in names for path in (agency / folder).iterdir())
        for folder in ("documents", "statuses"):
            handed_over += len(_parcels(agency / "inbox" / folder))
    return Seen(answered=answered, handed_over=handed_over)


def _write(drops: Sequence[Drop], files: FilePool, aside: Path, written_at: datetime) -> None:
    for sender in {drop.sender for drop in drops}:
        (aside / sender).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=2) as threads:
        for drop in drops:
            packet = drop.packet(files, written_at=written_at)
            threads.submit((aside / drop.sender / drop.name).write_bytes, packet)


def _appear(wave: Sequence[Drop], aside: Path, agencies: Path) -> None:
    for drop in wave:
        path = aside / drop.sender / drop.name
        path.rename(agencies / drop.sender / "outbox" / drop.name)


def count_on_disk(drops: Sequence[Drop], agencies: Path) -> Count:
    """Count what the agencies' systems find in their folders."""
    answers: dict[tuple[AgencyCode, str], str | None] = {}
    for drop in drops:
        folder = agencies / drop.sender
        if (folder / "sent" / drop.name).exists():
            answers[drop.sender, drop.name] = None
        elif (folder / "refused" / drop.name).exists():
            report = (folder / "refused" / f"{drop.name}.error.json").read_bytes()
            answers[drop.sender, drop.name] = json.loads(report)["problems"][0]["code"]
    count = count_files(drops, answers)
    for folder in sorted(agencies.iterdir()):
        tally = count.tallies.setdefault(AgencyCode(folder.name), Tally())
        codes = Counter(path.name.split("_")[1] for path in _parcels(folder / "inbox/statuses"))
        tally.received = len(_parcels(folder / "inbox/documents"))
        tally.receipts = codes.pop(StatusCode.ARRIVED, 0)
        tally.statuses = codes.total()
    return count


def _parcels(folder: Path) -> list[Path]:
    """What was handed over, without the notes beside it."""
    return [path for path in folder.iterdir() if not path.name.endswith(NOTE_SUFFIX)]
