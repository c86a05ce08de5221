"""Formats of third parties, which run in processes of their own, and the count of their crashes."""

from typing import Protocol, runtime_checkable

from adapters.contract import Format


@runtime_checkable
class FormatApart(Protocol):
    """A format that runs in another process, so that a crash or a hang affects only itself.

    Blocking: called in threads. `name` is the name under which the format is installed.
    """

    name: str

    def introduced(self) -> Format:
        """The format, after its process has started; a `CheckedFormat` if it is one.

        In addition to the contract, its methods raise `InternalError`: E_FORMAT_CRASHED when the
        process crashed or was ended because it did not finish in time, E_INTERNAL for an exception.
        The output is complete before its first chunk is returned.

        Raises:
            TransportError: E_FORMAT_AWAY: it cannot be started now.
        """


class Attempts(Protocol):
    """Counts attempts that did not end because the process crashed. Blocking: called in threads."""

    def begin(self, key: str) -> int:
        """Begin an attempt, and return how many attempts before began and did not end."""

    def end(self, key: str) -> None:
        """End the attempt with whatever result, and reset the count."""
