"""Tracer: what one document went through, step by step, across processes.

Steps are told with their parent, never through hidden state of the process: many deliveries share
one loop.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

Attributes = Mapping[str, str | int]


class Role(StrEnum):
    """What a step is to a message (OpenTelemetry, semantic conventions for messaging)."""

    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Step(Protocol):
    """A step under way.

    Attributes:
        traceparent: What the next step needs to find this one; empty when nothing is traced.
    """

    @property
    def traceparent(self) -> str:
        """As the header of the same name (`bus.core.trace`)."""

    def note(self, attributes: Attributes) -> None:
        """Add what came to be known on the way: ids and names, never content."""

    def failed(self, code: str) -> None:
        """It did not succeed, for the reason with this code of the catalogue."""


class Tracer(Protocol):
    """Hears of steps. Must be quick, and must not raise."""

    def step(self, name: str, role: Role, *, parent: str = "") -> AbstractContextManager[Step]:
        """A step that begins now and ends with the block.

        Args:
            parent: The `traceparent` of the step before; without one, a trace begins. What is
                malformed counts as none.
        """


class _Untraced:
    """A step of which nobody is told."""

    traceparent = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def note(self, attributes: Attributes) -> None:
        """Tell nobody."""

    def failed(self, code: str) -> None:
        """Tell nobody."""


class Untraced:
    """The tracer of an axis that is not traced: it costs a call and nothing else."""

    _STEP = _Untraced()

    def step(
        self,
        name: str,  # noqa: ARG002 (the port's)
        role: Role,  # noqa: ARG002
        *,
        parent: str = "",  # noqa: ARG002
    ) -> AbstractContextManager[Step]:
        """A step of which nobody is told."""
        return self._STEP
