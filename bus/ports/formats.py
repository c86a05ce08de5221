"""Formats apart: formats of other houses, each of which works in processes of its own."""

from typing import Protocol, runtime_checkable

from adapters.contract import Format


@runtime_checkable
class FormatApart(Protocol):
    """A format that can end or hold up nobody but itself. Blocking: asked in threads.

    Attributes:
        name: Under which it is installed.
    """

    name: str

    def introduced(self) -> Format:
        """The format, once its process has said who it is; a `CheckedFormat` if it is one.

        Beside what the contract says, its methods raise `InternalError` E_FORMAT_CRASHED: the
        process ended over this, or did not finish in time and was ended; and E_INTERNAL for an
        exception. What is written is written to its end before the first chunk is given out.

        Raises:
            TransportError: E_FORMAT_AWAY; it cannot be started now.
        """
