"""Format conformance: the promises of `adapters.contract.Format`, as tests to inherit.

    class TestMyFormat(FormatConformance):
        subject = MyFormat()
        samples = (Sample(message=my_document, files=(my_file,)), Sample(message=my_status))

Samples are canonical: texts are trimmed, and attachments have the names and types that a reader
gives them. At least one sample has an attachment, unless the format omits attachments. The kit adds
complete messages of its own. What a `LossyFormat` declares to omit is proven exactly. Hostile files
are read within bounds (`bounded`), which needs a system with `fork`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from hashlib import sha256
from io import BytesIO
from tempfile import TemporaryFile
from typing import ClassVar

from adapters.conformance import promised
from adapters.conformance.bounded import bounded_memory, within_bounds
from adapters.conformance.files import DiskSink, LargeFile, MemoryFiles
from adapters.conformance.hostile import PATHS, bombs, marked_name, packed_bomb, with_path
from adapters.conformance.messages import (
    ATTACHMENT,
    COMPLETE,
    FILE,
    complete_document,
)
from adapters.contract import (
    MIB,
    CheckedFormat,
    Format,
    Limits,
    LossyFormat,
    Message,
)
from schemas.document import Document
from schemas.file_name import is_plain_name
from schemas.omission import content_of, without
from schemas.problem import DocumentError, TransportError
from schemas.reading import Reading, SignatureCheck, SignatureOutcome
from schemas.verdict import DeliveryCheck

TODAY = date(2026, 11, 22)
WRITTEN_AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)

_SIGNED_BY = "CN=Somebody in the check"
_CHECK = DeliveryCheck(
    header_signature=SignatureCheck(outcome=SignatureOutcome.VERIFIED, signer=_SIGNED_BY)
)

_BOUNDED = Limits(max_packet_bytes=64 * MIB)
_ALLOWED = frozenset({"read", "refused"})
"""What may become of a hostile file."""

_CHUNK_BYTES = 4 * MIB


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A canonical message and the files of its attachments."""

    message: Message
    files: tuple[bytes, ...] = ()


class FormatConformance:
    """Inherit under a name that begins with `Test`, and set `subject` and `samples`."""

    subject: ClassVar[Format]
    samples: ClassVar[tuple[Sample, ...]]

    def test_it_is_a_named_format(self) -> None:
        """It has the methods of a Format, a name and a suffix with its dot."""
        promised(isinstance(self.subject, Format), "it is a Format")
        promised(bool(self.subject.name), "it has a name")
        promised(self.subject.suffix.startswith("."), "its suffix begins with a dot")

    def test_it_recognises_what_it_writes(self) -> None:
        """By the first bytes together with the suffix."""
        for sample in self.samples:
            head = self._written(sample)[:4096]
            name = f"file{self.subject.suffix}"
            promised(self.subject.recognises(head, name), "it recognises its own files")

    def test_reading_gives_back_what_was_written(self) -> None:
        """The same message, raw values apart, and the same files."""
        for sample in self.samples:
            found = MemoryFiles()
            reading = self._read(self._written(sample), found)
            self._must_come_back(reading.message, sample.message)
            files = {} if self._omits("attachments") else MemoryFiles(sample.files).files
            promised(found.files == files, "and its files")
            promised(not found.open_writers, "and leaves no file open")
            promised(not reading.repaired, "what it writes needs no repair")

    def test_nothing_is_lost_but_what_is_declared(self) -> None:
        """Messages in which every field has a value; what is declared to be omitted is not read."""
        for message in COMPLETE:
            files = (FILE,) if isinstance(message, Document) else ()
            reading = self._read(self._written(Sample(message=message, files=files)), MemoryFiles())
            self._must_come_back(reading.message, message)

    def test_a_check_beside_the_message_is_passed_over(self) -> None:
        """Where the format has a place for one, it is written and not read as content."""
        if not isinstance(self.subject, CheckedFormat):
            return
        for sample in self.samples:
            written = b"".join(
                self.subject.write_checked(
                    sample.message,
                    _CHECK,
                    attachments=MemoryFiles(sample.files),
                    written_at=WRITTEN_AT,
                )
            )
            reading = self._read(written, MemoryFiles())
            promised(_SIGNED_BY.encode() in written, "the check is written")
            self._must_come_back(reading.message, sample.message)
            codes = [warning.code for warning in reading.warnings]
            promised("W_UNKNOWN_ELEMENT" not in codes, "the check is known")

    def test_the_same_message_is_written_alike(self) -> None:
        """A format uses neither a clock nor random numbers."""
        for sample in self.samples:
            promised(self._written(sample) == self._written(sample), "writing is repeatable")

    def test_an_absent_attachment_is_refused(self) -> None:
        """It never writes a message in which an attachment is missing."""
        for sample in self.samples:
            if sample.files and not self._omits("attachments"):
                refusal = _refusal(partial(self._written, replace(sample, files=())))
                promised(refusal == "E_ATTACHMENT_AWAY", "an absent attachment is refused")

    def test_a_cut_off_file_is_refused(self) -> None:
        """Wherever it is cut, by a `DocumentError` and without an open file in the sink."""
        for sample in self.samples:
            whole = self._written(sample).rstrip()
            for cut in range(0, len(whole), max(1, len(whole) // 40)):
                files = MemoryFiles()
                refusal = _refusal(partial(self._read, whole[:cut], files))
                promised(refusal is not None, f"a file cut off at byte {cut} is refused")
                promised(not files.open_writers, "a refused file leaves none open")

    def test_a_changed_byte_never_crashes(self) -> None:
        """It is read or refused by a `DocumentError`; any other exception fails the test."""
        for sample in self.samples:
            whole = self._written(sample)
            for at in range(0, len(whole), max(1, len(whole) // 100)):
                for byte in (b"\x00", b"<", b"\xff", b'"'):
                    files = MemoryFiles()
                    _refusal(partial(self._read, whole[:at] + byte + whole[at + 1 :], files))
                    promised(not files.open_writers, "no file is left open")

    def test_strange_files_are_refused(self) -> None:
        """Empty ones, noise, and files of other kinds."""
        strange = (b"", b" \r\n", bytes(4096), bytes(range(256)) * 64, b"%PDF-1.7\n", b"PK\x03\x04")
        for file in strange:
            refusal = _refusal(partial(self._read, file, MemoryFiles()))
            promised(refusal is not None, f"{file[:8]!r} is refused")

    def test_limits_are_kept(self) -> None:
        """The size of the file and the number of its attachments."""
        for sample in self.samples:
            whole = self._written(sample)
            small = Limits(max_packet_bytes=len(whole) - 1)
            refusal = _refusal(partial(self._read, whole, MemoryFiles(), small))
            promised(refusal == "E_TOO_LARGE", "a large file is refused")
            if sample.files and not self._omits("attachments"):
                few = Limits(max_attachments=len(set(sample.files)) - 1)
                refusal = _refusal(partial(self._read, whole, MemoryFiles(), few))
                promised(refusal == "E_LIMIT", "too many attachments are refused")

    def test_memory_does_not_grow_with_attachments(self) -> None:
        """Neither in writing nor in reading; chunks stay small."""
        if self._omits("attachments"):
            return
        document = next(s.message for s in self.samples if isinstance(s.message, Document))
        large = document.model_copy(update={"attachments": (LargeFile().attachment(),), "raw": {}})
        with TemporaryFile() as packet:
            with bounded_memory():
                for chunk in self.subject.write(
                    large, attachments=LargeFile(), written_at=WRITTEN_AT
                ):
                    promised(len(chunk) <= _CHUNK_BYTES, "chunks stay small")
                    packet.write(chunk)
            packet.seek(0)
            with bounded_memory():
                reading = self.subject.read(packet, sink=DiskSink(), limits=Limits(), today=TODAY)
        self._must_come_back(reading.message, large)

    def test_bombs_are_refused_or_read_within_their_bounds(self) -> None:
        """Few bytes may become very many, deep, long or endless; limits hold all the same."""
        for message in (COMPLETE[0], COMPLETE[-1]):
            files = (FILE,) if isinstance(message, Document) else ()
            whole = self._written(Sample(message=message, files=files))
            for name, bomb in bombs(whole):
                outcome = within_bounds(partial(self._outcome, bomb))
                promised(outcome in _ALLOWED, f"{name}: it is refused or read, but it {outcome}")

    def test_a_bomb_in_an_attachment_is_a_file_like_any_other(self) -> None:
        """A format does not unpack the files of a document."""
        if self._omits("attachments"):
            return
        bomb = packed_bomb()
        for name in ("bomb.zip", "bomb.docx", "bomb"):
            attachment = ATTACHMENT.model_copy(
                update={
                    "name": name,
                    "media_type": "application/zip",
                    "size": len(bomb),
                    "sha256": sha256(bomb).hexdigest(),
                }
            )
            document = COMPLETE[0].model_copy(update={"attachments": (attachment,)})
            sample = Sample(message=document, files=(bomb,))
            outcome = within_bounds(lambda: self._outcome(self._written(sample)))  # noqa: B023
            promised(outcome in _ALLOWED, f"{name}: it is refused or read, but it {outcome}")

    def test_no_attachment_is_named_as_a_path(self) -> None:
        """A file or message that says so is refused, or the attachment gets another name."""
        if self._omits("attachments"):
            return
        name = marked_name(".pdf")
        for path in PATHS:
            for file in (
                *with_path(self._written(_named(name)), name, path),
                *self._written_unless_refused(_named(path)),
            ):
                for read in self._names(file):
                    promised(is_plain_name(read), f"{path!r} is refused or named anew: {read!r}")

    def _outcome(self, file: bytes) -> str:
        sink = DiskSink(2 * _BOUNDED.max_packet_bytes)
        try:
            self.subject.read(BytesIO(file), sink=sink, limits=_BOUNDED, today=TODAY)
        except DocumentError:
            outcome = "refused"
        else:
            outcome = "read"
        return outcome if sink.left >= 0 else "gives the sink more than the limits allow"

    def _names(self, file: bytes) -> tuple[str, ...]:
        try:
            message = self._read(file, MemoryFiles()).message
        except DocumentError:
            return ()
        attachments = message.attachments if isinstance(message, Document) else ()
        return tuple(attachment.name for attachment in attachments)

    def _written_unless_refused(self, sample: Sample) -> tuple[bytes, ...]:
        try:
            return (self._written(sample),)
        except DocumentError:
            return ()

    def _omits(self, path: str) -> bool:
        return isinstance(self.subject, LossyFormat) and path in self.subject.omits

    def _must_come_back(self, read: Message, written: Message) -> None:
        if not isinstance(self.subject, LossyFormat):
            same = read.without_raw() == written.without_raw()
            promised(same, "reading gives back the message")
            return
        expected, _ = without(written.without_raw(), self.subject.omits)
        here, there = content_of(expected), content_of(read.without_raw())
        fields = {*here, *there}
        for name in sorted(field for field in fields if here.get(field) != there.get(field)):
            field = f"{name}: {there.get(name)!r} is read, {here.get(name)!r} was carried"
            promised(False, f"what is not declared comes back, what is declared does not; {field}")

    def _written(self, sample: Sample) -> bytes:
        files = MemoryFiles(sample.files)
        return b"".join(
            self.subject.write(sample.message, attachments=files, written_at=WRITTEN_AT)
        )

    def _read(self, file: bytes, files: MemoryFiles, limits: Limits | None = None) -> Reading:
        return self.subject.read(BytesIO(file), sink=files, limits=limits or Limits(), today=TODAY)


def _refusal(action: Callable[[], object]) -> str | None:
    """The code of the error that was raised; None when there was none."""
    try:
        action()
    except (DocumentError, TransportError) as error:
        return error.problem.code
    return None


def _named(name: str) -> Sample:
    attachment = ATTACHMENT.model_copy(update={"name": name})
    return Sample(message=complete_document(attachments=(attachment,)), files=(FILE,))
