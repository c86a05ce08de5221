"""`lienthong check`: what the signatures in a file prove, as a recipient would be told."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.contract import Limits
from adapters.registry import format_for, usable_formats
from bus.attachments.folder import FolderAttachments
from bus.bootstrap.document_signatures import pdf_checker
from bus.cli.legible import legible
from bus.cli.moment import shown_alone
from bus.cli.options import AnyHome
from bus.cli.output import AsJson, Exit, listing, note, print_json, say, screen, tell
from bus.core.stream import keep
from bus.home.layout import Home
from bus.ports import PdfChecker
from bus.services.signature_check import NO_PDF, verdict_on
from bus.settings import Settings, load_settings
from schemas.document import Attachment, Document
from schemas.problem import AxisError, Language
from schemas.reading import SignatureCheck
from schemas.term import term
from schemas.verdict import (
    AttachmentVerdict,
    DeliveryCheck,
    LegalValue,
    PdfSigner,
    judged,
    told,
)
from schemas.vietnam import day_in_vietnam

_HEAD_BYTES = 4096
_PDF_MAGIC = b"%PDF-"
_SHOWN = ("file", "legal_value", "outcome", "signer", "signed_at", "time_stamped", "reason")


def check(
    file: Annotated[
        Path, typer.Argument(help="A PDF, or a packet with PDFs.", exists=True, dir_okay=False)
    ],
    trust_list: Annotated[
        Path | None,
        typer.Option(help="Folder of the authorities' certificates (*.pem).", file_okay=False),
    ] = None,
    home: AnyHome = None,
    as_json: AsJson = False,
) -> None:
    """Show what the digital signatures in a PDF, or in the PDFs of a packet, prove.

    Without --trust-list, the axis's own list counts (LIENTHONG_TRUST_LIST, or trust-list in the
    home). Exit 0: every PDF has legal value. 1: at least one is for reference only, or the packet
    is refused. 2: there is no trust list.
    """
    settings = load_settings(home=home, trust_list=trust_list)
    with tempfile.TemporaryDirectory(prefix="lienthong-") as folder:
        store = FolderAttachments(Path(folder), now=datetime.now(UTC))
        try:
            attachments, header = _read(file, store)
        except AxisError as error:
            tell(error.problem)
            raise typer.Exit(Exit.REFUSED) from error

        async def judge() -> list[AttachmentVerdict]:
            async with pdf_checker(settings, refused=tell) as pdfs:
                if pdfs is None:
                    raise _no_trust_list(settings)
                return [await _judged(attachment, pdfs, store) for attachment in attachments]

        verdicts = asyncio.run(judge())
    if as_json:
        print_json(told(DeliveryCheck(header_signature=header, attachments=tuple(verdicts))))
    else:
        if header is not None:
            by = f" ({legible(header.signer)})" if header.signer else ""
            why = f": {legible(header.why.text())}" if header.why else ""
            say(screen(), f"header signature {header.outcome}{by}{why}")
        listing(
            [row for verdict in verdicts for row in _rows(verdict)],
            as_json=False,
            title=f"signatures in {file.name}",
            columns=_SHOWN,
        )
    pdfs_of = [v for v in verdicts if v.verdict.reason != NO_PDF]
    good = bool(pdfs_of) and all(v.legal_value is LegalValue.LEGAL_VALUE for v in pdfs_of)
    raise typer.Exit(Exit.DONE if good else Exit.REFUSED)


def _no_trust_list(settings: Settings) -> AxisError:
    path = Home(settings.home).trust_list
    return AxisError.of("E_TRUST_LIST", path=path, cause=term("none_there"))


def _read(
    file: Path, store: FolderAttachments
) -> tuple[tuple[Attachment, ...], SignatureCheck | None]:
    """The files to judge, and the header signature of a packet."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
        opened.seek(0)
        if _PDF_MAGIC in head or file.suffix.casefold() == ".pdf":
            kept = keep(opened, store)
            pdf = Attachment(
                name=file.name, media_type="application/pdf", size=kept.size, sha256=kept.sha256
            )
            return (pdf,), None
        chosen = format_for(head, file.name, usable_formats(lambda error: note(str(error.problem))))
        today = day_in_vietnam(datetime.now(UTC))
        limits = Limits(max_packet_bytes=1 << 62)
        reading = chosen.read(opened, sink=store, limits=limits, today=today)
        attachments = reading.message.attachments if isinstance(reading.message, Document) else ()
        return attachments, None if reading.signature.is_absent else reading.signature


async def _judged(
    attachment: Attachment, pdfs: PdfChecker, store: FolderAttachments
) -> AttachmentVerdict:
    verdict = await verdict_on(attachment, pdfs, files=store)
    return judged(attachment.name, attachment.sha256, verdict)


def _rows(of: AttachmentVerdict) -> list[dict[str, object]]:
    """One row for each signature, or one for a file without."""
    verdict = of.verdict
    first: dict[str, object] = {
        "file": legible(of.name),
        "legal_value": legible(verdict.legal_value_text(Language.VIETNAMESE)),
    }
    if not verdict.signers:
        why = verdict.reason.text() if verdict.reason else verdict.outcome.text(Language.ENGLISH)
        none = {"signer": None, "signed_at": None, "time_stamped": None}
        return [first | {"outcome": verdict.outcome.value} | none | {"reason": legible(why)}]
    return [
        first
        | {
            "outcome": signer.outcome.value,
            "signer": legible(signer.name or ""),
            "signed_at": shown_alone(signer.signed_at) if signer.signed_at else None,
            "time_stamped": signer.time_stamped,
            "reason": legible(_why(signer)),
        }
        for signer in verdict.signers
    ]


def _why(signer: PdfSigner) -> str:
    """Why a signature proves nothing; or the permitted additions after it."""
    said = (signer.reason,) if signer.reason else signer.additions
    return "; ".join(each.text() for each in said)
