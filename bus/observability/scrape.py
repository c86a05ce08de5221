"""Scrape: reads the metrics of all processes of an axis at one moment."""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from schemas.problem import AxisError

_TIMEOUT_SECONDS = 5.0
_PREFIX = "lienthong_"

Labels = frozenset[tuple[str, str]]
Samples = Mapping[str, Mapping[Labels, float]]
"""The values of metrics by their name, without `lienthong_`, and their labels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scrape:
    """The metrics of an axis at one moment.

    Attributes:
        at: Seconds of a monotonic clock.
        axis: The samples of all processes together.
        processes: The samples of each process; None for one that does not answer.
    """

    at: float
    axis: Samples
    processes: Sequence[Samples | None] = ()

    def value(self, name: str, **labels: str) -> float | None:
        """The sample with exactly these labels."""
        return self.axis.get(name, {}).get(frozenset(labels.items()))

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples that have these labels, and perhaps others."""
        wanted = labels.items()
        return sum(v for has, v in self.axis.get(name, {}).items() if has >= set(wanted))

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """The same sum for each value of one label."""
        wanted, found = set(labels.items()), dict[str, float]()
        for has, value in self.axis.get(name, {}).items():
            of = dict(has).get(label)
            if of is not None and has >= wanted:
                found[of] = found.get(of, 0.0) + value
        return found

    def buckets(self, name: str) -> dict[float, float]:
        """A histogram for `quantile`: the counts by upper bound, of all labels together."""
        bounds = self.by(f"{name}_bucket", "le")
        return {float(bound): count for bound, count in bounds.items()}


def samples_of(text: str) -> Samples:
    """The samples in the `/metrics` of one process whose names begin with `lienthong_`."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        if family.name.startswith(_PREFIX):
            for sample in family.samples:
                labels = frozenset(sample.labels.items())
                found.setdefault(sample.name.removeprefix(_PREFIX), {})[labels] = sample.value
    return found


async def read(urls: Iterable[str]) -> Scrape:
    """Ask all processes at the same time.

    Args:
        urls: Of each process; the first is that of the parent.

    Raises:
        TransportError: E_AXIS_AWAY: the parent does not answer.
    """
    asked = tuple(urls)
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        processes = await asyncio.gather(*(_samples_at(url, client) for url in asked))
    if not processes or processes[0] is None:
        raise AxisError.of("E_AXIS_AWAY", url=next(iter(asked), ""))
    return Scrape(at=time.monotonic(), axis=together(processes), processes=processes)


async def _samples_at(url: str, client: httpx.AsyncClient) -> Samples | None:
    """None: the process does not answer, or another program answers on its port."""
    try:
        return samples_of((await client.get(f"{url}/metrics")).text)
    except (httpx.HTTPError, ValueError):
        return None


def together(processes: Iterable[Samples | None]) -> Samples:
    """The samples of several processes as one: the latest of moments, else the sum."""
    found: dict[str, dict[Labels, float]] = {}
    for samples in processes:
        for name, values in (samples or {}).items():
            of = found.setdefault(name, {})
            for labels, value in values.items():
                before = of.get(labels, 0.0)
                is_moment = name.endswith("_timestamp_seconds")
                of[labels] = max(before, value) if is_moment else before + value
    return found


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """Estimate a quantile from cumulative buckets (upper bound → count); None without samples.

    It is linear within a bucket, like `histogram_quantile` of Prometheus.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    rank, below, low = share * total, 0.0, 0.0
    for bound in bounds:
        here = buckets[bound]
        if here >= rank and here > below:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (rank - below) / (here - below)
        below, low = here, bound
    return low
