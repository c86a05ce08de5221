"""Measure: throughput, CPU and latency of a hop, taken the same way for every contender."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from statistics import quantiles

WINDOW = 200
"""Publishes in flight; also the consumers' prefetch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One measured hop."""

    name: str
    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


class Arrivals:
    """Counts what has arrived, and how long each took."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._sent: dict[int, float] = {}
        self._took: list[float] = []
        self._all = asyncio.Event()

    def sent(self, number: int) -> None:
        """Message `number` is about to be published."""
        self._sent[number] = time.perf_counter()

    def arrived(self, number: int) -> None:
        """Message `number` was acknowledged by its consumer."""
        self._took.append(time.perf_counter() - self._sent[number])
        if len(self._took) == self._expected:
            self._all.set()

    async def measure(self, name: str, publish: Callable[[int], Awaitable[None]]) -> Hop:
        """Publish all within the window, wait for all, and tell the figures."""
        window = asyncio.Semaphore(WINDOW)

        async def one(number: int) -> None:
            async with window:
                self.sent(number)
                await publish(number)

        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(self._expected)))
        await self._all.wait()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        cuts = quantiles(self._took, n=100)
        return Hop(
            name=name,
            per_second=self._expected / seconds,
            cpu_us=cpu / self._expected * 1e6,
            p50_ms=cuts[49] * 1e3,
            p99_ms=cuts[98] * 1e3,
        )


def best_of(measured: Iterable[Hop]) -> list[Hop]:
    """The fastest round of each hop, in the order of first appearance."""
    best: dict[str, Hop] = {}
    for hop in measured:
        known = best.setdefault(hop.name, hop)
        if hop.per_second > known.per_second:
            best[hop.name] = hop
    return list(best.values())
