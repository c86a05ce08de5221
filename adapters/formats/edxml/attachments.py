"""Attachments: read the attachments and the manifest of a packet into the attachment sink."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from adapters.contract import AttachmentSink, BlobWriter, Limits
from adapters.formats.attachment_name import safe_name
from adapters.formats.base64_stream import Base64Decoder
from adapters.formats.edxml.archive import UnsafeArchiveError, only_entry, unpack
from adapters.formats.edxml.fields import Fields
from adapters.formats.edxml.node import Node
from adapters.formats.findings import Findings
from adapters.formats.intake import Allowance, Intake, Taken
from adapters.formats.media_type import ZIP, ZIP_MAGIC, extension, is_zip_based
from schemas.document import Attachment
from schemas.problem import AxisError, DocumentError, Place
from schemas.term import term

_ZIP_TYPES = frozenset({ZIP, "application/x-zip", "application/x-zip-compressed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reference:
    """An entry of the manifest."""

    content_id: str | None
    name: str | None
    description: str | None
    line: int
    fields: Fields


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """An attachment whose bytes the sink keeps. `unpacked`: they were in a declared ZIP."""

    path: str
    line: int
    content_id: str | None
    name: str | None
    declared: str | None
    description: str | None
    unpacked: bool
    taken: Taken


class AttachmentReader:
    """Reads contents while the packet is parsed; matches them with the manifest at the end."""

    def __init__(
        self, sink: AttachmentSink, findings: Findings, limits: Limits, opened: list[Fields]
    ) -> None:
        self._sink = sink
        self._findings = findings
        self._limits = limits
        self._opened = opened
        self._allowance = Allowance(limits.max_packet_bytes)
        self._writers: list[BlobWriter] = []
        self._found: list[_Found] = []
        self._references: list[_Reference] = []
        self._node = Node("", 0)
        self._intake: Intake | None = None
        self._decoder = Base64Decoder()

    # --- as the packet passes by ----------------------------------------------------------------

    def begin(self, attachment: Node, line: int) -> Callable[[str], None]:
        """The content of an attachment begins."""
        if self._intake is not None:
            raise DocumentError.of(
                "E_LIMIT", place=Place(line=line), what=term("attachment_contents"), limit=1
            )
        self._refuse_too_many(len(self._found), line)
        self._node = attachment
        self._decoder = Base64Decoder()
        self._intake = intake = Intake(self._begin_file(), self._allowance)
        decoder = self._decoder

        def take(text: str) -> None:
            try:
                data = decoder.feed(text.encode("ascii"))
            except ValueError as error:
                raise self.broken(attachment.line) from error
            intake.write(data)

        return take

    def end(self) -> None:
        """The content ended."""
        try:
            self._decoder.finish()
        except ValueError as error:
            raise self.broken(self._node.line) from error

    def broken(self, line: int) -> AxisError:
        """The error for a content that is not base64."""
        name = self._name_so_far()
        return DocumentError.of("E_BASE64", place=Place(line=line, file=name), name=name)

    def close(self, attachment: Node) -> None:
        """The attachment ended: unpack it if it is wrapped in a ZIP, and keep it."""
        number = len(self._found) + 1
        fields = Fields(attachment, f"Attachment[{number}]", self._findings, self._opened)
        attachment.take_all("ContentTransferEncoded")
        intake, self._intake = self._intake, None
        if intake is None:
            place = Place(line=attachment.line, field=fields.path)
            raise DocumentError.of("E_STRUCTURE", place=place, element="ContentTransferEncoded")
        content_id = self._content_id(fields)
        _refuse_duplicate(content_id, self._found, attachment.line)
        name, declared = fields.text("AttachmentName", 500), fields.text("ContentType")
        is_zip = declared is not None and declared.casefold() in _ZIP_TYPES
        shown = name or self._name_in_manifest(content_id) or content_id or f"#{number}"
        unwrapped = self._unwrap(intake, shown, is_zip=is_zip, line=attachment.line)
        if unwrapped is not None and not is_zip:
            self._findings.warn(
                "W_ZIP_UNDECLARED",
                line=attachment.line,
                file=shown,
                name=shown,
                declared=declared or "—",
            )
        if declared is None:
            self._findings.missing("ContentType", line=attachment.line, field=fields.path)
        fields.keep("Format", "FieldName", "MimeType")
        self._found.append(
            _Found(
                path=fields.path,
                line=attachment.line,
                content_id=content_id,
                name=name,
                declared=declared,
                description=fields.text("Description"),
                unpacked=unwrapped is not None and is_zip,
                taken=(unwrapped or intake).keep(),
            )
        )

    def reference(self, reference: Node) -> None:
        """An entry of the manifest ended."""
        self._refuse_too_many(len(self._references), reference.line)
        path = f"Reference[{len(self._references) + 1}]"
        fields = Fields(reference, path, self._findings, self._opened)
        content_id = self._content_id(fields)
        name, description = fields.text("AttachmentName", 500), fields.text("Description")
        fields.text("ContentType")  # often wrong in real packets, so it is not compared
        _refuse_duplicate(content_id, self._references, reference.line)
        self._references.append(
            _Reference(
                content_id=content_id,
                name=name,
                description=description,
                line=reference.line,
                fields=fields,
            )
        )

    # --- at the end -----------------------------------------------------------------------------

    def attachments(self) -> tuple[Attachment, ...]:
        """The attachments in the packet's order.

        Raises:
            DocumentError: The manifest names an attachment that is not in the packet.
        """
        pairs = self._pairs()
        taken = {id(each) for each in pairs.values()}
        unpaired = [each for each in self._references if id(each) not in taken]
        for number, reference in enumerate(unpaired, len(self._found) + 1):
            if reference.content_id is not None:
                place = Place(line=reference.line, file=reference.name)
                raise DocumentError.of(
                    "E_ATTACHMENT_MISSING", place=place, content_id=reference.content_id
                )
            reference.fields.counts_as(number)
        return tuple(self._finished(pairs))

    def discard(self) -> None:
        """The packet is refused: discard every file that the sink has not kept."""
        for writer in self._writers:
            writer.discard()

    def _pairs(self) -> dict[int, _Reference]:
        """The manifest entry of each attachment, by the attachment's index.

        They are matched by ContentId. If one of the two has none, they are matched by a name that
        no other unmatched attachment or entry has.
        """
        by_id = {each.content_id: each for each in self._references if each.content_id is not None}
        pairs = {
            at: by_id[found.content_id]
            for at, found in enumerate(self._found)
            if found.content_id is not None and found.content_id in by_id
        }
        left = [at for at in range(len(self._found)) if at not in pairs]
        taken = {id(each) for each in pairs.values()}
        lines = [each for each in self._references if id(each) not in taken]
        files_named = Counter(_known_as(self._found[at].name) for at in left)
        lines_named = Counter(_known_as(line.name) for line in lines)
        by_name = {_known_as(line.name): line for line in lines}
        for at in left:
            found = self._found[at]
            name = _known_as(found.name)
            line = by_name.get(name)
            if not name or line is None or files_named[name] > 1 or lines_named[name] > 1:
                continue
            if found.content_id is None or line.content_id is None:
                pairs[at] = line
                self._findings.warn(
                    "W_ATTACHMENT_PAIRED", line=found.line, file=found.name, name=found.name
                )
        return pairs

    def _finished(self, pairs: Mapping[int, _Reference]) -> Iterator[Attachment]:
        for number, found in enumerate(self._found, 1):
            reference = pairs.get(number - 1)
            if reference is not None:
                # The entry is written at the position of its attachment.
                reference.fields.counts_as(number)
            said = found.name or (reference.name if reference else None)
            name = safe_name(said or found.content_id or f"#{number}", found.taken.head)
            description = found.description or (reference.description if reference else None)
            attachment = found.taken.attachment(name, description)
            self._tell(found, attachment, said=said, listed=reference is not None)
            yield attachment

    def _tell(
        self, found: _Found, attachment: Attachment, *, said: str | None, listed: bool
    ) -> None:
        warn, name, line = self._findings.warn, attachment.name, found.line
        if said is None:
            self._findings.missing("AttachmentName", line=line, field=found.path)
        elif said != name:
            warn("W_NAME_SANITISED", line=line, file=name, value=said, name=name)
        if not listed:
            warn("W_ATTACHMENT_UNLISTED", line=line, file=name, name=name)
        if attachment.damaged:
            warn("W_ATTACHMENT_DAMAGED", line=line, file=name, name=name)
        declared = found.declared
        if found.unpacked or declared is None:
            return
        if declared.casefold() != attachment.media_type.casefold():
            self._findings.keep(f"{found.path}/ContentType", declared, line=line, told=True)
            warn(
                "W_MIME_MISMATCH",
                line=line,
                file=name,
                name=name,
                declared=declared,
                sniffed=attachment.media_type,
            )

    # --- pieces ---------------------------------------------------------------------------------

    def _unwrap(self, intake: Intake, name: str, *, is_zip: bool, line: int) -> Intake | None:
        """Unpack a file that is wrapped in a ZIP with one entry; None: it stays as it is."""
        if not intake.head.startswith(ZIP_MAGIC) or extension(name) == "zip":
            return None
        place = Place(line=line, file=name)
        with intake.writer.reopen() as archive:
            entry = only_entry(archive)
            if entry is None and is_zip and not is_zip_based(name):
                cause = term("zip_many")
                raise DocumentError.of("E_ZIP_UNSAFE", place=place, name=name, cause=cause)
            if entry is None:
                return None
            # Either a ZIP around a file of this name, or a file that is itself a ZIP.
            fits = entry.extension == extension(name)
            if not fits and (not is_zip or is_zip_based(name)):
                return None
            room = self._allowance.left + intake.size
            inner = Intake(self._begin_file(), Allowance(room))
            try:
                for chunk in unpack(archive, entry, limits=self._limits, room=room):
                    inner.write(chunk)
            except UnsafeArchiveError as error:
                raise DocumentError.of(
                    "E_ZIP_UNSAFE", place=place, name=name, cause=error.cause
                ) from error
        intake.writer.discard()
        self._allowance.left = room - inner.size
        return inner

    def _begin_file(self) -> BlobWriter:
        writer = self._sink.begin()
        self._writers.append(writer)
        return writer

    def _refuse_too_many(self, count: int, line: int) -> None:
        limit = self._limits.max_attachments
        if count >= limit:
            place = Place(line=line)
            raise DocumentError.of("E_LIMIT", place=place, what=term("attachments"), limit=limit)

    def _content_id(self, fields: Fields) -> str | None:
        """The ContentId without `cid:`, of which programs write none, one or two."""
        content_id = fields.text("ContentId") or ""
        while content_id.startswith("cid:"):
            content_id = content_id.removeprefix("cid:").strip()
        if not content_id:
            self._findings.missing("ContentId", line=fields.line, field=fields.path)
        return content_id or None

    def _name_in_manifest(self, content_id: str | None) -> str | None:
        named = (each.name for each in self._references if each.content_id == content_id)
        return None if content_id is None else next(named, None)

    def _name_so_far(self) -> str:
        """The name of the current attachment, before all its children are known."""
        for child in ("AttachmentName", "ContentId"):
            for node in self._node.children.get(child, ()):
                if node.text:
                    return node.text
        return f"#{len(self._found) + 1}"


def _known_as(name: str | None) -> str:
    return unicodedata.normalize("NFC", name or "")


def _refuse_duplicate(
    content_id: str | None, others: Sequence[_Found] | Sequence[_Reference], line: int
) -> None:
    if content_id is not None and any(each.content_id == content_id for each in others):
        raise DocumentError.of(
            "E_CONTENT_ID_DUPLICATE", place=Place(line=line), content_id=content_id
        )
