"""Run: drops the planned files on a real axis, wave by wave, and counts the results on disk."""

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
from typing import NamedTuple

from adapters.endpoints.inbox import NOTE_SUFFIX
from bus.bootstrap.parent import Parent
from bus.bootstrap.process import now
from bus.demo.drop import Drop
from bus.demo.report import ARRIVING, Count, Reconciliation, count_files, expect, reconcile
from bus.demo.samples import FilePool
from bus.observability.scrape import quantile, read
from schemas.codes import StatusCode
from schemas.identifiers import AgencyCode

_LOOK_SECONDS = 0.2
_STALLED_AFTER_SECONDS = 60.0


class Exchanged(NamedTuple):
    """How many files are answered, and how many deliveries and receipts are handed over."""

    answered: int = 0
    handed_over: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of a run.

    Attributes:
        seconds: From the first dropped file to the last receipt.
        p50_seconds: From the signature of an envelope to its hand-over, as `p99_seconds`.
    """

    account: Reconciliation
    seconds: float
    p50_seconds: float
    p99_seconds: float


def due_by_wave(drops: Sequence[Drop]) -> list[Exchanged]:
    """The progress at the end of each wave: every file answered, every delivery and receipt."""
    dues, due = [], Exchanged()
    for _, wave in groupby(drops, key=lambda drop: drop.wave):
        for drop in wave:
            numbers = expect([drop]).numbers.items()
            handed_over = sum(number for (_, name), number in numbers if name in ARRIVING)
            due = Exchanged(due.answered + 1, due.handed_over + handed_over)
        dues.append(due)
    return dues


async def play(
    axis: Parent,
    drops: Sequence[Drop],
    files: FilePool,
    *,
    progress: Callable[[Exchanged, Exchanged], None],
) -> Outcome:
    """Write all packets into a folder, then move each wave into the outboxes and wait for it.

    Args:
        progress: Called with the present progress, and with that at the end.
    """
    folder, agencies = axis.home.path / ".demo", axis.home.agencies
    await asyncio.to_thread(_write, drops, files, folder, now())
    dues = due_by_wave(drops)
    began = time.perf_counter()
    for (_, wave), due in zip(groupby(drops, key=lambda drop: drop.wave), dues, strict=True):
        await asyncio.to_thread(_move, list(wave), folder, agencies)
        await _reached(drops, agencies, due, lambda seen: progress(seen, dues[-1]))
    seconds = time.perf_counter() - began
    found = await asyncio.to_thread(count_on_disk, drops, agencies)
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
    drops: Sequence[Drop], agencies: Path, due: Exchanged, tick: Callable[[Exchanged], None]
) -> None:
    """Wait for a wave to arrive; give up when nothing has changed for a minute."""
    before, changed = Exchanged(), time.monotonic()
    names = frozenset(drop.name for drop in drops)
    while before.answered < due.answered or before.handed_over < due.handed_over:
        await asyncio.sleep(_LOOK_SECONDS)
        seen = await asyncio.to_thread(_look, names, agencies)
        tick(seen)
        if seen != before:
            before, changed = seen, time.monotonic()
        elif time.monotonic() - changed > _STALLED_AFTER_SECONDS:
            return


def _look(names: frozenset[str], agencies: Path) -> Exchanged:
    answered = handed_over = 0
    for agency in agencies.iterdir():
        for folder in ("sent", "refused"):
            answered += sum(path.name in names for path in (agency / folder).iterdir())
        for folder in ("documents", "statuses"):
            handed_over += len(_parcels(agency / "inbox" / folder))
    return Exchanged(answered, handed_over)


def _write(drops: Sequence[Drop], files: FilePool, folder: Path, written_at: datetime) -> None:
    for sender in {drop.sender for drop in drops}:
        (folder / sender).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=2) as threads:
        for drop in drops:
            packet = drop.packet(files, written_at=written_at)
            threads.submit((folder / drop.sender / drop.name).write_bytes, packet)


def _move(wave: Sequence[Drop], folder: Path, agencies: Path) -> None:
    for drop in wave:
        path = folder / drop.sender / drop.name
        path.rename(agencies / drop.sender / "outbox" / drop.name)


def count_on_disk(drops: Sequence[Drop], agencies: Path) -> Count:
    """Count the files in the folders of the agencies."""
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
        agency = AgencyCode(folder.name)
        codes = Counter(path.name.split("_")[1] for path in _parcels(folder / "inbox/statuses"))
        count.numbers[agency, "received"] = len(_parcels(folder / "inbox/documents"))
        count.numbers[agency, "receipts"] = codes.pop(StatusCode.ARRIVED, 0)
        count.numbers[agency, "statuses"] = codes.total()
    return count


def _parcels(folder: Path) -> list[Path]:
    """What was handed over, without the notes about it."""
    return [path for path in folder.iterdir() if not path.name.endswith(NOTE_SUFFIX)]
