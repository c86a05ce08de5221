"""Tracing: spans (steps of work) of one document across processes, as OpenTelemetry defines them.

The caller passes the parent of each span, because many deliveries share one event loop.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Protocol

Attributes = Mapping[str, str | int]


class Role(StrEnum):
    """The kind of a span (OpenTelemetry, semantic conventions for messaging)."""

    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Span(Protocol):
    """A step of work that is being done."""

    @property
    def traceparent(self) -> str:
        """The parent for the next span, as in the header of this name; empty without tracing."""

    def note(self, attributes: Attributes) -> None:
        """Add ids and names, never content."""

    def failed(self, code: str) -> None:
        """Record that the span failed with this code of the catalogue."""


class Tracer(Protocol):
    """Records spans. It must be quick and must not raise."""

    def span(self, name: str, role: Role, *, parent: str = "") -> AbstractContextManager[Span]:
        """Begin a span, which ends with the block.

        Args:
            parent: The `traceparent` of the span before. If it is empty or malformed, a new trace
                begins.
        """


class _UntracedSpan:
    """A span that records nothing."""

    traceparent = ""

    def note(self, attributes: Attributes) -> None:
        """Do nothing."""

    def failed(self, code: str) -> None:
        """Do nothing."""


class Untraced:
    """The tracer of an axis without tracing: it costs one call."""

    _SPAN = nullcontext(_UntracedSpan())

    def span(
        self,
        name: str,  # noqa: ARG002 (the port's)
        role: Role,  # noqa: ARG002
        *,
        parent: str = "",  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        """Begin a span that records nothing."""
        return self._SPAN
