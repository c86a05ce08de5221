"""Format work: what a format in another process is given, and may ask for while it works.

The files stay here, with the worker; the process names them by numbers.
"""

from dataclasses import dataclass, field
from typing import BinaryIO

from adapters.contract import AttachmentSink, AttachmentSource, BlobWriter, Kept, Limits
from bus.processes.frames import MOST_BODY_BYTES, Frame
from schemas.problem import AxisError
from schemas.term import term

SOURCE = 0
"""The number of the source."""

MOST_OPEN = 64
"""Files read and files being written at the same time: the worker's descriptors are everybody's."""

_TWICE = 2
"""A file may be given to the sink packed, and once more unpacked."""


class TooManyOpenError(Exception):
    """The format leaves files open."""


@dataclass(kw_only=True)
class Work:
    """One piece of work.

    Attributes:
        limits: Bounds on how many files, and bytes of them, the sink is given.
    """

    source: BinaryIO | None = None
    sink: AttachmentSink | None = None
    attachments: AttachmentSource | None = None
    limits: Limits = field(default_factory=Limits)
    _files: dict[int, BinaryIO] = field(default_factory=dict, init=False)
    _writers: dict[int, BlobWriter] = field(default_factory=dict, init=False)
    _unfinished: set[int] = field(default_factory=set, init=False)
    _given: int = field(default=SOURCE, init=False)
    _bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.source is not None:
            self._files[SOURCE] = self.source

    def answer(self, asked: Frame) -> Frame:
        """Do what is asked for.

        Raises whatever that raises; beside it `DocumentError` E_TOO_LARGE or E_LIMIT, which the
        format should have raised itself; `TooManyOpenError`; `KeyError` for what nobody may ask.
        """
        call = str(asked.head["call"])
        kind, _, act = call.partition(".")
        match kind:
            case "file":
                return self._file(act, self._files[asked.head["of"]], asked)
            case "writer":
                return self._writer(act, self._writers[asked.head["of"]], asked)
            case "begin" if self.sink is not None:
                self._room_for_one_more()
                if len(self._writers) >= _TWICE * self.limits.max_attachments:
                    limit = self.limits.max_attachments
                    raise AxisError.of("E_LIMIT", what=term("attachments"), limit=limit)
                writer = self.sink.begin()
                self._given += 1
                self._writers[self._given] = writer
                self._unfinished.add(self._given)
                return Frame({"of": self._given})
            case "open" if self.attachments is not None:
                self._room_for_one_more()
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

    def _room_for_one_more(self) -> None:
        if len(self._files) + len(self._unfinished) >= MOST_OPEN:
            raise TooManyOpenError

    def _file(self, act: str, file: BinaryIO, asked: Frame) -> Frame:
        match act:
            case "read":
                return Frame({}, file.read(min(int(asked.head["size"]), MOST_BODY_BYTES)))
            case "seek":
                at = file.seek(int(asked.head["offset"]), int(asked.head["whence"]))
                return Frame({"at": at})
            case "close":
                self._files.pop(asked.head["of"]).close()
                return Frame({})
            case _:
                raise KeyError(act)

    def _writer(self, act: str, writer: BlobWriter, asked: Frame) -> Frame:
        if act in {"finish", "keep", "discard"}:
            self._unfinished.discard(asked.head["of"])
        match act:
            case "write":
                self._bytes += len(asked.body)
                if self._bytes > _TWICE * self.limits.max_packet_bytes:
                    limit = self.limits.max_packet_bytes
                    raise AxisError.of("E_TOO_LARGE", size=self._bytes, limit=limit)
                writer.write(asked.body)
                return Frame({})
            case "reopen":
                self._room_for_one_more()
                return self._opened(writer.reopen())
            case "finish":
                return _kept(writer.finish())
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
