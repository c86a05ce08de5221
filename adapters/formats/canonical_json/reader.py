"""Reader: read one canonical JSON file into a message, and its attachments into the sink."""

import io
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from adapters.contract import AttachmentSink, BlobWriter, Limits, Message
from adapters.formats.attachment_name import safe_name
from adapters.formats.base64_stream import Base64Decoder
from adapters.formats.canonical_json.fields import read_message
from adapters.formats.canonical_json.stream import JsonStream, Value
from adapters.formats.findings import Findings
from adapters.formats.intake import Allowance, Intake, Taken
from adapters.formats.judgement import judge_document, judge_status
from schemas.document import Attachment, Document
from schemas.problem import DocumentError, Place
from schemas.reading import Reading
from schemas.term import term

_BOM = b"\xef\xbb\xbf"
_MAX_MEMBERS = 64


def from_canonical_json(data: bytes) -> Message:
    """Read the output of `to_canonical_json`, which has no attachments' contents.

    Raises:
        DocumentError: It is not valid; the error names line, column and field.
    """
    limits = Limits()
    stream = JsonStream(io.BytesIO(data), limits)
    members = {name: stream.value() for name in stream.members()}
    stream.finish()
    return read_message(members, Findings(limits))


class FileReader:
    """Reads one file, once."""

    def __init__(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> None:
        self._source = source
        self._sink = sink
        self._limits = limits
        self._today = today
        self._findings = Findings(limits)
        self._allowance = Allowance(limits.max_packet_bytes)
        self._writers: list[BlobWriter] = []
        self._taken: dict[str, Taken] = {}

    def read(self) -> Reading:
        """Read the file. If it is refused, no open file stays in the sink.

        Raises:
            DocumentError: The file is refused.
        """
        size = self._source.seek(0, io.SEEK_END)
        if size > self._limits.max_packet_bytes:
            limit = self._limits.max_packet_bytes
            raise DocumentError.of("E_TOO_LARGE", size=size, limit=limit)
        self._source.seek(0)
        try:
            return self._read()
        except BaseException:
            for writer in self._writers:
                writer.discard()
            raise

    def _read(self) -> Reading:
        members = self._read_members()
        message = read_message(members, self._findings)
        if isinstance(message, Document):
            judge_document(message, self._findings, today=self._today)
            attachments = tuple(self._matched(message))
            message = message.model_copy(update={"attachments": attachments})
        else:
            judge_status(message, self._findings)
        return Reading(message=message, warnings=self._findings.warnings)

    def _read_members(self) -> dict[str, Value]:
        head = self._source.read(len(_BOM))
        if not head:
            raise DocumentError.of("E_EMPTY")
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
            place = Place(line=1, column=1)
            raise DocumentError.of("E_ENCODING", place=place, cause=term("utf16"))
        if head == _BOM:
            self._findings.warn("W_BOM")
        else:
            self._source.seek(0)
        stream = JsonStream(self._source, self._limits)
        members: dict[str, Value] = {}
        for name in stream.members():
            if name == "contents":
                self._read_contents(stream)
            elif name in members or len(members) == _MAX_MEMBERS:
                cause = term("json_surplus", member=name)
                raise DocumentError.of("E_NOT_WELL_FORMED", place=stream.place(), cause=cause)
            else:
                members[name] = stream.value()
        stream.finish()
        return members

    def _read_contents(self, stream: JsonStream) -> None:
        for sha256 in stream.members():
            place = stream.place()
            limit = self._limits.max_attachments
            if len(self._taken) >= limit:
                what = term("attachments")
                raise DocumentError.of("E_LIMIT", place=place, what=what, limit=limit)
            writer = self._sink.begin()
            self._writers.append(writer)
            intake, decoder = Intake(writer, self._allowance), Base64Decoder()
            try:
                for piece in stream.pieces():
                    intake.write(decoder.feed(piece))
                decoder.finish()
            except ValueError as error:
                raise DocumentError.of("E_BASE64", place=place, name=sha256) from error
            taken = intake.keep()
            if taken.sha256 != sha256 or sha256 in self._taken:
                raise DocumentError.of(
                    "E_ATTACHMENT_DIGEST", place=place, name=sha256[:12], sha256=sha256
                )
            self._taken[sha256] = taken

    def _matched(self, document: Document) -> Iterator[Attachment]:
        for index, said in enumerate(document.attachments):
            field = f"document.attachments.{index}"
            taken = self._taken.get(said.sha256)
            if taken is None:
                place = Place(field=field, file=said.name)
                raise DocumentError.of("E_ATTACHMENT_MISSING", place=place, content_id=said.sha256)
            if taken.size != said.size:
                place = Place(field=f"{field}.size", file=said.name)
                raise DocumentError.of(
                    "E_SCHEMA", place=place, cause=term("has_bytes", size=taken.size)
                )
            name = safe_name(said.name, taken.head)
            attachment = taken.attachment(name, said.description)
            self._tell(said, attachment)
            yield attachment
        for sha256 in self._taken.keys() - {said.sha256 for said in document.attachments}:
            self._findings.warn("W_ATTACHMENT_UNLISTED", name=sha256)

    def _tell(self, said: Attachment, found: Attachment) -> None:
        warn, name = self._findings.warn, found.name
        if said.name != name:
            warn("W_NAME_SANITISED", file=name, value=said.name, name=name)
        if said.media_type != found.media_type:
            warn(
                "W_MIME_MISMATCH",
                file=name,
                name=name,
                declared=said.media_type,
                sniffed=found.media_type,
            )
        if found.damaged:
            warn("W_ATTACHMENT_DAMAGED", file=name, name=name)
