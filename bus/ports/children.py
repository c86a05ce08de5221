"""The child processes of a parent command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command of `lienthong` that a parent runs.

    Attributes:
        name: The name in logs, for example `worker 1`.
        arguments: The arguments after `lienthong`.
        environment: Variables that are added to the environment of the parent, or replace it.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Child(Protocol):
    """A running process. It ends when its parent does."""

    @property
    def pid(self) -> int:
        """Its process id."""

    async def ended(self) -> int:
        """Wait for its end: the exit code, or the negative number of the signal that killed it."""

    def terminate(self) -> None:
        """Ask it to finish its current work and end."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """Starts processes."""

    async def launch(self, command: Command) -> Child:
        """Start one."""
