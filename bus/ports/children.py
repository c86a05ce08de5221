"""Children: the processes that a parent keeps running."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command of `lienthong` that a parent runs.

    Attributes:
        name: What logs call the process, for example `worker 1`.
        arguments: After `lienthong`.
        environment: Its settings, beside the environment of the parent and before it.
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
        """Let it finish what is under way, and end."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """Starts processes."""

    async def launch(self, command: Command) -> Child:
        """Start one."""
