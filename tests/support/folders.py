"""Folders: what agencies' systems see of the axis, and do with it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.contract import EndpointContext


def context_of(
    root: Path, *, settle: timedelta = timedelta(seconds=1), state: Path | None = None
) -> EndpointContext:
    """What the endpoint of the agency whose folders are in `root` is built from."""
    return EndpointContext(
        agency=root.name,
        folder=root,
        state=state or root.with_name(f".state-{root.name}"),
        settings={"settle": str(settle.total_seconds())},
        clock=lambda: datetime.now(UTC),
    )


class Folders:
    """One folder an agency under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, code: str) -> Path:
        """What an agency's system sees."""
        return self.root / code

    def drop(self, code: str, name: str, content: bytes) -> None:
        """Put a whole file into an outbox."""
        (self.folder(code) / f".{name}").write_bytes(content)
        (self.folder(code) / f".{name}").rename(self.folder(code) / "outbox" / name)

    def documents(self, code: str) -> list[str]:
        """Names of the documents in an inbox."""
        return self._names(code, "inbox/documents")

    def statuses(self, code: str) -> list[str]:
        """Names of the statuses in an inbox."""
        return self._names(code, "inbox/statuses")

    def outbox(self, code: str) -> list[str]:
        """Names of the files that wait to be sent."""
        return self._names(code, "outbox")

    def sent(self, code: str) -> list[str]:
        """Names of the files that were sent."""
        return self._names(code, "sent")

    def refused(self, code: str) -> list[str]:
        """Names of the files that were refused, and of the reports beside them."""
        return self._names(code, "refused")

    def numbers(self, code: str) -> list[str]:
        """Numbers of the documents in an inbox, in the order in which they arrived.

        The clock of a file system ticks every few milliseconds: what came within one tick is told
        in the order of its numbers.
        """
        arrived = [
            (path.stat().st_ctime_ns, int(number_in(path.name)))
            for path in (self.folder(code) / "inbox/documents").iterdir()
        ]
        return [str(number) for _, number in sorted(arrived)]

    def _names(self, code: str, folder: str) -> list[str]:
        return sorted(path.name for path in (self.folder(code) / folder).iterdir())


def number_in(name: str) -> str:
    """The number of the document that a handed over file is about; empty: none of ours."""
    numbers = (part for part in name.split("_") if part.endswith("-VB"))
    return next(numbers, "").removesuffix("-VB")
