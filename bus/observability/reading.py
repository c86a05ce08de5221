"""Reading: the metrics of all processes of an axis at one moment."""

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
_MOMENT = "_timestamp_seconds"

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was read at a moment.

    Attributes:
        at: Seconds, of a clock that never goes back.
        axis: The samples of all processes together, by name (without `lienthong_`) and labels: of a
            moment the latest, of everything else the sum.
        processes: Those of each process; None of one that does not answer.
    """

    at: float
    axis: Mapping[str, Mapping[Labels, float]]
    processes: Sequence[Mapping[str, Mapping[Labels, float]] | None] = ()

    def value(self, name: str, **labels: str) -> float | None:
        """One sample, with exactly these labels."""
        return self.axis.get(name, {}).get(frozenset(labels.items()))

    def total(self, name: str, **labels: str) -> float:
        """All samples that have these labels among theirs."""
        wanted = labels.items()
        return sum(v for has, v in self.axis.get(name, {}).items() if has >= set(wanted))

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """The same, by the values of one label."""
        wanted, found = set(labels.items()), dict[str, float]()
        for has, value in self.axis.get(name, {}).items():
            of = dict(has).get(label)
            if of is not None and has >= wanted:
                found[of] = found.get(of, 0.0) + value
        return found

    def buckets(self, name: str) -> dict[float, float]:
        """A histogram as `quantile` takes it: the counts by upper bound, of all labels together."""
        bounds = self.by(f"{name}_bucket", "le")
        return {float(bound): count for bound, count in bounds.items()}


def samples_of(text: str) -> dict[str, dict[Labels, float]]:
    """The samples of one process's `/metrics` that are ours."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        if family.name.startswith(_PREFIX):
            for sample in family.samples:
                labels = frozenset(sample.labels.items())
                found.setdefault(sample.name.removeprefix(_PREFIX), {})[labels] = sample.value
    return found


async def read(urls: Iterable[str]) -> Reading:
    """Ask all processes at the same time.

    Args:
        urls: Of each process; the first is that of the parent.

    Raises:
        TransportError: E_AXIS_AWAY, the parent does not answer.
    """
    asked = tuple(urls)
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        answers = await asyncio.gather(
            *(client.get(f"{url}/metrics") for url in asked), return_exceptions=True
        )
    texts = []
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, httpx.HTTPError):
            raise answer
        texts.append(None if isinstance(answer, BaseException) else answer.text)
    processes = tuple(map(_samples_in, texts))
    if not processes or processes[0] is None:
        raise AxisError.of("E_AXIS_AWAY", url=next(iter(asked), ""))
    return Reading(at=time.monotonic(), axis=together(processes), processes=processes)


def together(
    processes: Iterable[Mapping[str, Mapping[Labels, float]] | None],
) -> dict[str, dict[Labels, float]]:
    """The samples of several processes as one."""
    found: dict[str, dict[Labels, float]] = {}
    for samples in processes:
        for name, values in (samples or {}).items():
            latest = name.endswith(_MOMENT)
            of = found.setdefault(name, {})
            for labels, value in values.items():
                before = of.get(labels, 0.0)
                of[labels] = max(before, value) if latest else before + value
    return found


def _samples_in(text: str | None) -> dict[str, dict[Labels, float]] | None:
    """None: it does not answer, or somebody else does on its port."""
    try:
        return None if text is None else samples_of(text)
    except ValueError:
        return None


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """Estimate a quantile from cumulative buckets (upper bound → count); None without samples.

    Linear within its bucket, as `histogram_quantile` of Prometheus does.
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
