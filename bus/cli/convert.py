"""`lienthong convert`: what a format reads and writes, seen on one file without any bus."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfileobj
from typing import Annotated

import typer

from adapters.contract import AttachmentSource, Limits
from adapters.formats.canonical_json import from_canonical_json, to_canonical_json
from adapters.registry import format_for, format_named, load_formats
from bus.attachments.folder import FolderAttachments
from bus.cli.output import Exit, tell
from bus.core.stream import keep
from schemas.codes import FormatName
from schemas.document import Document
from schemas.problem import AxisError, DocumentError, Language
from schemas.reading import Reading, SignatureOutcome
from schemas.vietnam import day_in_vietnam

_HEAD_BYTES = 4096
_COPY_BYTES = 1024 * 1024
_UNBOUNDED = Limits(max_packet_bytes=1 << 62)


def convert(
    file: Annotated[Path, typer.Argument(help="The file to read.", exists=True, dir_okay=False)],
    to: Annotated[FormatName, typer.Option(help="What to write on standard output.")],
    source: Annotated[
        FormatName | None, typer.Option("--from", help="What the file is; recognised if left out.")
    ] = None,
    attachments: Annotated[
        Path | None,
        typer.Option(help="Folder to put the attachments into.", file_okay=False),
    ] = None,
) -> None:
    """Read a file and write it in another format, or in the same one strictly.

    The result alone goes to standard output, warnings go to standard error. The document's files
    are put into --attachments; a JSON file, which names its attachments by digest only, takes them
    from there. Exit 0: read. 1: refused, with code, line and reason.
    """
    with _store() as store:
        try:
            reading = _read(file, source, store, attachments)
            _tell_warnings(reading)
            if attachments is not None:
                _unpack(reading, store, attachments)
            _write(reading, to, store)
        except AxisError as error:
            tell(error.problem)
            raise typer.Exit(Exit.REFUSED) from error


@contextmanager
def _store() -> Iterator[FolderAttachments]:
    with tempfile.TemporaryDirectory(prefix="lienthong-") as folder:
        yield FolderAttachments(Path(folder), now=datetime.now(UTC))


def _read(
    file: Path, source: FormatName | None, store: FolderAttachments, attachments: Path | None
) -> Reading:
    with file.open("rb") as opened:
        if source is None:
            formats = load_formats().values()
            chosen = format_for(opened.read(_HEAD_BYTES), file.name, tuple(formats))
            opened.seek(0)
        else:
            chosen = format_named(source)
        today = day_in_vietnam(datetime.now(UTC))
        try:
            return chosen.read(opened, sink=store, limits=_UNBOUNDED, today=today)
        except DocumentError as error:
            alone = error.problem.code == "E_ATTACHMENT_MISSING" and chosen.name == FormatName.JSON
            if not alone or attachments is None:
                raise
            # The fields alone, as --to json prints them: the files lie beside.
            opened.seek(0)
            _take_in(attachments, store)
            return Reading(message=from_canonical_json(opened.read()))


def _take_in(folder: Path, store: FolderAttachments) -> None:
    """Make the files of a folder findable by digest."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with path.open("rb") as file:
                keep(file, store)


def _unpack(reading: Reading, store: FolderAttachments, folder: Path) -> None:
    """Put every attachment into the folder under its own name; two of one name get numbers."""
    if not isinstance(reading.message, Document):
        return
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for attachment in reading.message.attachments:
        if not store.has(attachment.sha256):
            raise AxisError.of(
                "E_ATTACHMENT_ABSENT", name=attachment.name, sha256=attachment.sha256
            )
        name = _free(attachment.name, taken)
        with store.open(attachment.sha256) as kept, (folder / name).open("wb") as file:
            copyfileobj(kept, file, _COPY_BYTES)


def _free(name: str, taken: set[str]) -> str:
    path, number = Path(name), 1
    while name in taken:
        number += 1
        name = f"{path.stem}-{number}{path.suffix}"
    taken.add(name)
    return name


def _write(reading: Reading, to: FormatName, store: AttachmentSource) -> None:
    out = sys.stdout.buffer
    if to is FormatName.JSON:
        out.write(to_canonical_json(reading.message))
        return
    for chunk in format_named(to).write(
        reading.message, attachments=store, written_at=datetime.now(UTC)
    ):
        out.write(chunk)


def _tell_warnings(reading: Reading) -> None:
    for warned in reading.warnings:
        sys.stderr.write(f"{warned}\n  {warned.text(Language.VIETNAMESE)}\n")
    if reading.signature.outcome is SignatureOutcome.VERIFIED:
        sys.stderr.write(f"header signature verified: {reading.signature.signer}\n")
