"""Originals: the original packet is delivered byte for byte only if it says what its envelope says.

Only the sender's worker states that the header signature was verified, and that worker may be the
sender's own: it could sign one document and attach the bytes of another. So the recipient reads the
original itself and compares.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from adapters.contract import AttachmentSource, Format, Limits
from bus.core.identity import document_hash
from bus.core.parcel import original_for
from bus.core.parties import Judged
from bus.core.stream import keep
from bus.ports import FormatApart, Spool
from schemas.document import Document
from schemas.envelope import Envelope
from schemas.problem import DocumentError, Warned
from schemas.reading import SignatureOutcome, Source
from schemas.vietnam import day_in_vietnam


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """An envelope whose original was compared.

    Attributes:
        envelope: Without original and header signature if the original says something else.
    """

    envelope: Envelope
    judged: Judged = field(default_factory=Judged)


async def with_proven_original(
    envelope: Envelope,
    judged: Judged,
    *,
    files: AttachmentSource,
    format_: Format | FormatApart,
    begin_spool: Callable[[], Spool],
) -> Original:
    """Read the original; where it says something else, remove it and add a warning.

    Args:
        begin_spool: A fresh place for the original and its files; cleared here.

    Raises:
        TransportError, DocumentError: The original cannot be read from its store.
    """
    source = original_for(envelope, format_.name)
    if source is None or envelope.document is None:
        return Original(envelope=envelope, judged=judged)
    spool = await asyncio.to_thread(begin_spool)
    try:
        same = await asyncio.to_thread(_is_same, envelope, source, files, format_, spool)
    finally:
        await asyncio.to_thread(spool.clear)
    if same:
        return Original(envelope=envelope, judged=judged)
    return Original(
        envelope=envelope.model_copy(update={"source": None, "source_signature": None}),
        judged=replace(judged, warnings=(*judged.warnings, Warned(code="W_ORIGINAL_DIFFERS"))),
    )


def _is_same(
    envelope: Envelope,
    source: Source,
    files: AttachmentSource,
    format_: Format | FormatApart,
    spool: Spool,
) -> bool:
    with files.open(source.sha256) as original:
        # The decrypted stream of a sealed original cannot be read twice.
        kept = keep(original, spool)
    reader = format_.introduced() if isinstance(format_, FormatApart) else format_
    limits = Limits(max_packet_bytes=max(kept.size, 1))
    try:
        with spool.open(kept.sha256) as original:
            reading = reader.read(
                original, sink=spool, limits=limits, today=day_in_vietnam(envelope.sent_at)
            )
    except DocumentError:
        return False
    said, read = envelope.document, reading.message
    return (
        reading.signature.outcome is SignatureOutcome.VERIFIED
        and isinstance(read, Document)
        and said is not None
        and document_hash(read) == document_hash(said)
    )
