"""Bounds: how much an envelope may hold, and that every format can write what it holds.

Checked by the sender before it signs and by the recipient before it does anything: an agency with
a good key may still be hostile, and a store that cannot take a value would be asked for ever.
"""

import re
from collections.abc import Iterator, Sequence
from operator import attrgetter

from adapters.formats.text import fault_in
from adapters.formats.value_range import refuse_beyond, refuse_moment_beyond
from schemas.document import Attachment, Document
from schemas.envelope import Envelope
from schemas.file_name import is_plain_name, shown
from schemas.limits import (
    MAX_ATTACHMENTS,
    MAX_IDENTIFIER_CHARS,
    MAX_LIST_ITEMS,
    MAX_MAP_ENTRIES,
    MAX_RECIPIENTS,
    MAX_TEXT_CHARS,
)
from schemas.problem import AxisError, Place
from schemas.status import StatusReport
from schemas.term import Coded, term

_FEW_COMMAS = min(MAX_LIST_ITEMS, MAX_MAP_ENTRIES)
"""A body with fewer has no list or map that is too long: items are parted by commas."""
_SUSPECT = re.compile(rb"\\[ubf]|\xef\xbf[\xbe\xbf]")
"""How JSON may write a character that XML cannot hold; few bodies have one."""

_SEALED_CONTENT = "sealed.content"
"""Ciphertext, as long as the whole content; the body bounds it."""


def check(envelope: Envelope, body: bytes) -> None:
    """Refuse an envelope that holds too much, or what no format can write.

    Args:
        body: Its bytes: short and plain ones need not be looked through.

    Raises:
        DocumentError: E_LIMIT, E_RANGE, E_ENVELOPE for a character that cannot be written, or
            E_ATTACHMENT_NAME; with the path.
    """
    refuse_moment_beyond(envelope.sent_at, "sent_at")
    if envelope.document is not None:
        refuse_beyond(envelope.document, "document")
    if envelope.receipt is not None:
        refuse_beyond(envelope.receipt.report, "receipt.report")
    small = len(body) <= MAX_TEXT_CHARS and body.count(b",") < _FEW_COMMAS
    suspect = b"\\" in body or b"\xef\xbf" in body
    _few(envelope.recipients, MAX_RECIPIENTS, "recipients")
    if envelope.document is not None:
        _few(envelope.document.attachments, MAX_ATTACHMENTS, "document.attachments")
        refuse_names(envelope.document.attachments)
    if _longest_of(envelope) > MAX_IDENTIFIER_CHARS:
        for field, text in _identifiers(envelope):
            if text is not None and len(text) > MAX_IDENTIFIER_CHARS:
                raise _over(field, term("characters"), MAX_IDENTIFIER_CHARS)
    if not small or (suspect and _SUSPECT.search(body)):
        _look_through(envelope.model_dump(exclude_defaults=True), "")


def refuse_names(attachments: Sequence[Attachment]) -> None:
    """Refuse an attachment whose name is more than the name of a file.

    Its recipient's system writes a file of this name. Formats make names plain; one that does not,
    and a worker that signs what it likes, must not lead out of a folder.

    Raises:
        DocumentError: E_ATTACHMENT_NAME, with the path.
    """
    for index, attachment in enumerate(attachments):
        if not is_plain_name(attachment.name):
            place = Place(field=f"document.attachments.{index}.name")
            raise AxisError.of("E_ATTACHMENT_NAME", place=place, name=shown(attachment.name))


_OF_RECIPIENT = attrgetter("agency", "mailbox", "named")
_OF_DOCUMENT = attrgetter(
    "document_id",
    "number",
    "notation",
    "from_agency.organ_id",
    "bussiness.target_document_id",
)
_OF_REPORT = attrgetter(
    "code", "document_code", "document_id", "to_organ_id", "from_agency.organ_id"
)


def _longest_of(envelope: Envelope) -> int:
    """How long the longest of `_identifiers` is, without their names: in half of the time."""
    texts: list[str | None] = [envelope.version, envelope.sender, envelope.sender_mailbox]
    for recipient in envelope.recipients:
        texts += _OF_RECIPIENT(recipient)
    if envelope.source is not None:
        texts.append(envelope.source.format)
    if envelope.sealed is None and envelope.document is not None:
        document = envelope.document
        texts += _OF_DOCUMENT(document)
        texts += [receiver.organ_id for receiver in document.to_agencies]
        texts += [replaced.document_id for replaced in document.bussiness.replacements]
        for attachment in document.attachments:
            texts += attachment.name, attachment.media_type
    if envelope.sealed is None and envelope.receipt is not None:
        texts += _OF_REPORT(envelope.receipt.report)
        texts += envelope.receipt.answers, envelope.receipt.delivery
    return max(map(len, filter(None, texts)))


def _identifiers(envelope: Envelope) -> Iterator[tuple[str, str | None]]:
    """What is looked up, compared or written into an index, with its path."""
    yield "version", envelope.version
    yield "sender", envelope.sender
    yield "sender_mailbox", envelope.sender_mailbox
    for recipient in envelope.recipients:
        yield "recipients", recipient.agency
        yield "recipients", recipient.mailbox
        yield "recipients", recipient.named
    if envelope.source is not None:
        yield "source.format", envelope.source.format
    if envelope.sealed is not None:
        # What is in it is checked by who opens it.
        return
    match envelope.message:
        case Document() as document:
            yield "document.document_id", document.document_id
            yield "document.number", document.number
            yield "document.notation", document.notation
            yield "document.from_agency.organ_id", document.from_agency.organ_id
            yield "document.bussiness", document.bussiness.target_document_id
            for receiver in document.to_agencies:
                yield "document.to_agencies", receiver.organ_id
            for replaced in document.bussiness.replacements:
                yield "document.bussiness.replacements", replaced.document_id
            for attachment in document.attachments:
                yield "document.attachments.name", attachment.name
                yield "document.attachments.media_type", attachment.media_type
        case StatusReport() as report:
            yield "receipt.report.code", report.code
            yield "receipt.report.document_code", report.document_code
            yield "receipt.report.document_id", report.document_id
            yield "receipt.report.to_organ_id", report.to_organ_id
            yield "receipt.report.from_agency.organ_id", report.from_agency.organ_id
    if envelope.receipt is not None:
        yield "receipt.answers", envelope.receipt.answers
        yield "receipt.delivery", envelope.receipt.delivery


def _look_through(node: object, path: str) -> None:
    match node:
        case str():
            if len(node) > MAX_TEXT_CHARS and path != _SEALED_CONTENT:
                raise _over(path, term("characters"), MAX_TEXT_CHARS)
            if cause := fault_in(node):
                raise AxisError.of("E_ENVELOPE", place=Place(field=path), cause=cause)
        case dict():
            if len(node) > MAX_MAP_ENTRIES:
                raise _over(path, term("entries"), MAX_MAP_ENTRIES)
            for name, value in node.items():
                _look_through(name, path)
                _look_through(value, f"{path}.{name}" if path else name)
        case list() | tuple():
            if path not in {"recipients", "sealed.keys"}:
                _few(node, MAX_LIST_ITEMS, path)
            for index, value in enumerate(node):
                _look_through(value, f"{path}.{index}")
        case _:
            return


def _few(items: Sequence[object], limit: int, path: str) -> None:
    if len(items) > limit:
        raise _over(path, term("items"), limit)


def _over(path: str, what: Coded, limit: int) -> AxisError:
    return AxisError.of("E_LIMIT", place=Place(field=path), what=what, limit=limit)
