"""The kit finds out what a format of another house does wrong, whatever its container is."""

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import BinaryIO, ClassVar

import pytest

from adapters.conformance import bounded
from adapters.conformance.formats import FormatConformance, Sample
from adapters.conformance.messages import COMPLETE, FILE, complete_document, complete_report
from adapters.contract import AttachmentSink, AttachmentSource, Limits, Message
from adapters.formats.canonical_json import CanonicalJsonFormat
from schemas.omission import content_of, without
from schemas.problem import DocumentError
from schemas.reading import Reading
from schemas.verdict import DeliveryCheck

SAMPLES = (Sample(message=complete_document(), files=(FILE,)), Sample(message=complete_report()))
OMITS = frozenset({"signer.position", "to_agencies.name", "from_agency.website", "copies"})


class Packed(CanonicalJsonFormat):
    """Canonical JSON in an archive; reads it as far as it is allowed."""

    name = "packed"
    suffix = ".packed"

    def recognises(self, head: bytes, filename: str) -> bool:  # noqa: ARG002
        return filename.endswith(self.suffix)

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        inside = b"".join(super().write(message, attachments=attachments, written_at=written_at))
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("message.json"), inside)
        yield written.getvalue()

    def read(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> Reading:
        try:
            with zipfile.ZipFile(source) as archive:
                inside = archive.read("message.json")
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
            raise DocumentError.of("E_NOT_WELL_FORMED") from error
        return super().read(io.BytesIO(inside), sink=sink, limits=limits, today=today)


class Lossy(CanonicalJsonFormat):
    """Canonical JSON without some fields."""

    name = "lossy"
    omits: frozenset[str] = OMITS
    left_out: ClassVar[frozenset[str]] = OMITS

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        left, _ = without(message, self.left_out)
        return super().write(left, attachments=attachments, written_at=written_at)

    def write_checked(
        self,
        message: Message,
        check: DeliveryCheck,
        *,
        attachments: AttachmentSource,
        written_at: datetime,
    ) -> Iterator[bytes]:
        left, _ = without(message, self.left_out)
        return super().write_checked(left, check, attachments=attachments, written_at=written_at)


class Declared(FormatConformance):
    subject = Lossy()
    samples = SAMPLES


class TestLossy(Declared):
    """A format that declares what it omits keeps every promise."""


def test_what_is_lost_without_being_declared_is_named() -> None:
    class Silent(Lossy):
        omits = OMITS - {"copies"}

    class Kit(Declared):
        subject = Silent()

    with pytest.raises(AssertionError, match="copies: None is read, 3 was carried"):
        Kit().test_nothing_is_lost_but_what_is_declared()


def test_what_is_declared_and_comes_back_all_the_same_is_named() -> None:
    class Modest(Lossy):
        omits = OMITS | {"pages"}

    class Kit(Declared):
        subject = Modest()

    with pytest.raises(AssertionError, match="pages: 2 is read, None was carried"):
        Kit().test_nothing_is_lost_but_what_is_declared()


def test_an_archive_that_is_read_whole_is_found_out() -> None:
    """Its bomb has a few hundred kB."""

    class Kit(FormatConformance):
        subject = Packed()
        samples = SAMPLES

    Kit().test_reading_gives_back_what_was_written()
    with pytest.raises(AssertionError, match=r"entry message\.json .* takes too much memory"):
        Kit().test_bombs_are_refused_or_read_within_their_bounds()


def _loops(head: bytes) -> None:
    while head:
        pass


def _sleeps(head: bytes) -> None:
    time.sleep(len(head) * 3600)


def _holds_the_interpreter(head: bytes) -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")


@pytest.mark.parametrize("hang", [_loops, _sleeps, _holds_the_interpreter])
def test_a_reader_that_does_not_end_is_found_out(
    hang: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it does instead."""

    class Hanging(CanonicalJsonFormat):
        def read(
            self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
        ) -> Reading:
            hang(source.read(1))
            return super().read(source, sink=sink, limits=limits, today=today)

    class Kit(FormatConformance):
        subject = Hanging()
        samples = SAMPLES

    monkeypatch.setattr(bounded, "SECONDS", 1.0)
    with pytest.raises(AssertionError, match="does not end"):
        Kit().test_bombs_are_refused_or_read_within_their_bounds()


def test_a_reader_that_believes_the_names_of_files_is_found_out() -> None:
    class Believing(CanonicalJsonFormat):
        def read(
            self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
        ) -> Reading:
            packet = source.read()
            member = rb'"name": *"((?:[^"\\]|\\.)*)",\s*"media_type"'
            names = re.findall(member, packet)
            safe = re.sub(member, b'"name": "a", "media_type"', packet)
            reading = super().read(io.BytesIO(safe), sink=sink, limits=limits, today=today)
            name = json.loads(b'"%b"' % names[0], strict=False)
            attachments = tuple(
                each.model_copy(update={"name": name})
                for each in reading.message.attachments  # type: ignore[union-attr]
            )
            message = reading.message.model_copy(update={"attachments": attachments})
            return reading.model_copy(update={"message": message})

    class Kit(FormatConformance):
        subject = Believing()
        samples = SAMPLES

    with pytest.raises(AssertionError, match="is refused or named anew"):
        Kit().test_no_attachment_is_named_as_a_path()


def test_every_field_says_something_in_the_complete_messages() -> None:
    """Otherwise the kit would not notice that it is lost."""
    said = {path for message in COMPLETE for path in _paths(content_of(message))}
    for model in (type(COMPLETE[0]), type(COMPLETE[-1])):
        assert set(model.model_fields) - {"raw"} <= said | {"attachments"}
    for group in ("from_agency", "signer", "response_for", "bussiness", "bussiness.staff", "staff"):
        assert any(path.startswith(f"{group}.") for path in said)


def _paths(data: object, at: str = "") -> Iterator[str]:
    match data:
        case dict():
            for name, value in data.items():
                yield f"{at}{name}"
                yield from _paths(value, f"{at}{name}.")
        case list():
            for item in data:
                yield from _paths(item, at)
        case _:
            pass
