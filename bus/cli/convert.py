"""`lienthong convert`: what a format reads and writes, seen on one file without any bus."""

import os
import sys
import tempfile
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from shutil import copyfileobj
from typing import Annotated

import typer

from adapters.contract import AttachmentSource, Limits
from adapters.endpoints.naming import numbered
from adapters.formats.canonical_json import from_canonical_json, to_canonical_json
from adapters.registry import (
    format_for,
    format_named,
    require_format,
    usable_formats,
)
from bus.attachments.folder import FolderAttachments
from bus.cli.legible import escaped, legible, referenced
from bus.cli.output import Exit, note, tell
from bus.core.bounds import refuse_names
from bus.core.crash import problem_of
from bus.core.stream import keep
from schemas.codes import FormatName
from schemas.document import Attachment, Document
from schemas.problem import AxisError, DocumentError, Language
from schemas.reading import Reading, SignatureOutcome
from schemas.term import of_os
from schemas.vietnam import day_in_vietnam

_HEAD_BYTES = 4096
_COPY_BYTES = 1024 * 1024
_UNBOUNDED = Limits(max_packet_bytes=1 << 62)
_NAMES = "edxml, json or any other that is installed"


def convert(
    file: Annotated[Path, typer.Argument(help="The file to read.", exists=True, dir_okay=False)],
    to: Annotated[str, typer.Option(help=f"What to write on standard output: {_NAMES}.")],
    source: Annotated[
        str | None,
        typer.Option("--from", help=f"What the file is: {_NAMES}; recognised if left out."),
    ] = None,
    attachments: Annotated[
        Path | None,
        typer.Option(help="Folder to put the attachments into.", file_okay=False),
    ] = None,
) -> None:
    """Read a file and write it in another format, or in the same one strictly.

    The result alone goes to standard output, warnings go to standard error. The document's files
    are put into --attachments, all or none, and never over another file; a JSON file, which names
    its attachments by digest only, takes them from there. Exit 0: read. 1: refused, with code, line
    and reason. 2: a format that is not installed or cannot be loaded.
    """
    require_format(to)
    with _store() as store:
        try:
            reading = _read(file, source, store, attachments)
            _tell_warnings(reading)
            if isinstance(reading.message, Document):
                refuse_names(reading.message.attachments)
                if attachments is not None:
                    _unpack(reading.message, store, attachments)
            _write(reading, to, store)
        except AxisError as error:
            if error.problem.code == "E_SETTING":
                raise
            tell(error.problem)
            raise typer.Exit(Exit.REFUSED) from error
        except Exception as error:
            # The format may be of another package, and its error may quote content.
            tell(problem_of(error, stage="read"))
            raise typer.Exit(Exit.REFUSED) from error


@contextmanager
def _store() -> Iterator[FolderAttachments]:
    with tempfile.TemporaryDirectory(prefix="lienthong-") as folder:
        yield FolderAttachments(Path(folder), now=datetime.now(UTC))


def _read(
    file: Path, source: str | None, store: FolderAttachments, attachments: Path | None
) -> Reading:
    with file.open("rb") as opened:
        if source is None:
            head = opened.read(_HEAD_BYTES)
            opened.seek(0)
            chosen = format_for(head, file.name, usable_formats(_skipped))
        else:
            chosen = format_named(source)
        today = day_in_vietnam(datetime.now(UTC))
        try:
            return chosen.read(opened, sink=store, limits=_UNBOUNDED, today=today)
        except DocumentError as error:
            alone = error.problem.code == "E_ATTACHMENT_MISSING" and chosen.name == FormatName.JSON
            if not alone or attachments is None or not attachments.is_dir():
                raise
            # The file has only the fields, as --to json prints them; the folder has the files.
            opened.seek(0)
            _take_in(attachments, store)
            return Reading(message=from_canonical_json(opened.read()))


def _skipped(error: AxisError) -> None:
    note(str(error.problem))


def _take_in(folder: Path, store: FolderAttachments) -> None:
    """Store the files of a folder, so that they are found by digest."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with path.open("rb") as file:
                keep(file, store)


def _unpack(document: Document, store: FolderAttachments, folder: Path) -> None:
    """Put every attachment into the folder under its own name; two of one name get numbers.

    All or none. An existing file with the same content is kept. Any other file or link with that
    name is an error.

    Raises:
        ConfigurationError: E_OUTPUT_EXISTS, or E_OUTPUT when the folder cannot be written.
        DocumentError: E_ATTACHMENT_ABSENT.
    """
    placed: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for attachment, name in zip(
            document.attachments, _names(document.attachments), strict=True
        ):
            if not store.has(attachment.sha256):
                raise AxisError.of(
                    "E_ATTACHMENT_ABSENT", name=attachment.name, sha256=attachment.sha256
                )
            path = folder / name
            if not _is_there(path, attachment):
                _place(path, attachment, store, placed)
    except BaseException as error:
        for path in placed:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise AxisError.of("E_OUTPUT", path=folder, cause=of_os(error)) from error
        raise


def _names(attachments: Sequence[Attachment]) -> Iterator[str]:
    """A name of its own for each, also where a file system takes `A` and `a` for one name."""
    taken: set[str] = set()
    for attachment in attachments:
        free = (name for name in numbered(attachment.name) if name.casefold() not in taken)
        name = next(free)
        taken.add(name.casefold())
        yield name


def _is_there(path: Path, attachment: Attachment) -> bool:
    """Whether a file with this content exists. Raises `ConfigurationError` for other content."""
    if not os.path.lexists(path):
        return False
    if not path.is_symlink() and path.is_file() and path.stat().st_size == attachment.size:
        with path.open("rb") as file:
            if file_digest(file, "sha256").hexdigest() == attachment.sha256:
                return True
    raise AxisError.of("E_OUTPUT_EXISTS", file=path)


def _place(
    path: Path, attachment: Attachment, store: FolderAttachments, placed: list[Path]
) -> None:
    # This neither follows a link nor replaces a file that appeared meanwhile.
    with store.open(attachment.sha256) as kept, path.open("xb") as file:
        placed.append(path)
        copyfileobj(kept, file, _COPY_BYTES)


def _write(reading: Reading, to: str, store: AttachmentSource) -> None:
    if to == FormatName.JSON:
        chunks: Iterator[bytes] = iter([to_canonical_json(reading.message)])
    else:
        chunks = format_named(to).write(
            reading.message, attachments=store, written_at=datetime.now(UTC)
        )
    for chunk in _printable(chunks, _ESCAPES.get(to)):
        sys.stdout.buffer.write(chunk)


_ESCAPES: Mapping[str, Callable[[str], str]] = {
    FormatName.JSON: escaped,
    FormatName.EDXML: referenced,
}
"""How a format writes what a terminal would obey; it says the same."""


def _printable(chunks: Iterator[bytes], escape: Callable[[str], str] | None) -> Iterator[bytes]:
    if escape is None:
        yield from chunks
        return
    decoder = getincrementaldecoder("utf-8")()
    for chunk in chunks:
        yield escape(decoder.decode(chunk)).encode()
    yield escape(decoder.decode(b"", final=True)).encode()


def _tell_warnings(reading: Reading) -> None:
    for warned in reading.warnings:
        note(str(warned))
        sys.stderr.write(f"  {legible(warned.text(Language.VIETNAMESE))}\n")
    if reading.signature.outcome is SignatureOutcome.VERIFIED:
        note(f"header signature verified: {reading.signature.signer}")
