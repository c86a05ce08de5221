"""Format work: what a format in another process is given, and may ask for while it works.

The files stay here, with the worker; the process names them by numbers.
"""

from dataclasses import dataclass, field
from typing import BinaryIO

from adapters.contract import AttachmentSink, AttachmentSource, BlobWriter, Kept
from bus.processes.frames import Frame

SOURCE = 0
"""The number of the source."""


@dataclass(kw_only=True)
class Work:
    """One piece of work."""

    source: BinaryIO | None = None
    sink: AttachmentSink | None = None
    attachments: AttachmentSource | None = None
    _files: dict[int, BinaryIO] = field(default_factory=dict, init=False)
    _writers: dict[int, BlobWriter] = field(default_factory=dict, init=False)
    _given: int = field(default=SOURCE, init=False)

    def __post_init__(self) -> None:
        if self.source is not None:
            self._files[SOURCE] = self.source

    def answer(self, asked: Frame) -> Frame:
        """Do what is asked for. Raises whatever that raises; `KeyError` for what nobody may ask."""
        call = str(asked.head["call"])
        kind, _, act = call.partition(".")
        match kind:
            case "file":
                return self._file(act, self._files[asked.head["of"]], asked)
            case "writer":
                return self._writer(act, self._writers[asked.head["of"]], asked)
            case "begin" if self.sink is not None:
                self._given += 1
                self._writers[self._given] = self.sink.begin()
                return Frame({"of": self._given})
            case "open" if self.attachments is not None:
                return self._opened(self.attachments.open(str(asked.head["sha256"])))
            case _:
                raise KeyError(call)

    def close(self, *, failed: bool) -> None:
        """Close what was left open.

        Args:
            failed: What was written for the sink is not wanted either.
        """
        for number, file in self._files.items():
            if number != SOURCE:
                file.close()
        if failed:
            for writer in self._writers.values():
                writer.discard()

    def _file(self, act: str, file: BinaryIO, asked: Frame) -> Frame:
        match act:
            case "read":
                return Frame({}, file.read(int(asked.head["size"])))
            case "seek":
                at = file.seek(int(asked.head["offset"]), int(asked.head["whence"]))
                return Frame({"at": at})
            case "close":
                self._files.pop(asked.head["of"]).close()
                return Frame({})
            case _:
                raise KeyError(act)

    def _writer(self, act: str, writer: BlobWriter, asked: Frame) -> Frame:
        match act:
            case "write":
                writer.write(asked.body)
                return Frame({})
            case "reopen":
                return self._opened(writer.reopen())
            case "finish":
                return _kept(writer.finish(aside=bool(asked.head["aside"])))
            case "keep":
                return _kept(writer.keep())
            case "discard":
                writer.discard()
                return Frame({})
            case _:
                raise KeyError(act)

    def _opened(self, file: BinaryIO) -> Frame:
        self._given += 1
        self._files[self._given] = file
        return Frame({"of": self._given})


def _kept(kept: Kept) -> Frame:
    return Frame({"kept": {"sha256": kept.sha256, "size": kept.size}})
