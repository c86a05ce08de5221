"""Tracing the steps of one document across processes.

The caller passes the parent of each step, because many deliveries share one event loop.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Protocol

Attributes = Mapping[str, str | int]


class Role(StrEnum):
    """The kind of a step (OpenTelemetry, semantic conventions for messaging)."""

    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Step(Protocol):
    """A running step."""

    @property
    def traceparent(self) -> str:
        """The parent for the next step, as in the header of this name; empty without tracing."""

    def note(self, attributes: Attributes) -> None:
        """Add ids and names, never content."""

    def failed(self, code: str) -> None:
        """Record that the step failed with this code of the catalogue."""


class Tracer(Protocol):
    """Records steps. It must be quick and must not raise."""

    def step(self, name: str, role: Role, *, parent: str = "") -> AbstractContextManager[Step]:
        """Begin a step, which ends with the block.

        Args:
            parent: The `traceparent` of the step before. If it is empty or malformed, a new trace
                begins.
        """


class _UntracedStep:
    """A step that records nothing."""

    traceparent = ""

    def note(self, attributes: Attributes) -> None:
        """Do nothing."""

    def failed(self, code: str) -> None:
        """Do nothing."""


class Untraced:
    """The tracer of an axis without tracing: it costs one call."""

    _STEP = nullcontext(_UntracedStep())

    def step(
        self,
        name: str,  # noqa: ARG002 (the port's)
        role: Role,  # noqa: ARG002
        *,
        parent: str = "",  # noqa: ARG002
    ) -> AbstractContextManager[Step]:
        """Begin a step that records nothing."""
        return self._STEP
