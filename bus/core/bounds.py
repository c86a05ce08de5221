"""How much an envelope may contain, and that every format can write its values.

The sender checks this before it signs, and the recipient before anything else: an agency with a
valid key may be hostile, and a value that a database refuses would be retried for ever.
"""

import re
from collections.abc import Iterator, Sequence

from adapters.formats.text import fault_in
from adapters.formats.value_range import refuse_beyond, refuse_moment_beyond
from schemas.document import Attachment
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
from schemas.term import Coded, term

_FEW_COMMAS = min(MAX_LIST_ITEMS, MAX_MAP_ENTRIES)
"""A body with fewer commas has no list or map that is too long."""
_SUSPECT = re.compile(rb"\\[ubf]|\xef\xbf[\xbe\xbf]")
"""How JSON may write a character that XML cannot contain; few bodies have one."""

_SEALED_CONTENT = "sealed.content"
"""Ciphertext, as long as the whole content; the size of the body limits it."""


def check(envelope: Envelope, body: bytes) -> None:
    """Refuse an envelope that contains too much, or a value that no format can write.

    Args:
        body: Its bytes. A short body without escapes is not examined value by value.

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
    _check_count(envelope.recipients, MAX_RECIPIENTS, "recipients")
    if envelope.document is not None:
        _check_count(envelope.document.attachments, MAX_ATTACHMENTS, "document.attachments")
        refuse_names(envelope.document.attachments)
    for field, text in _identifiers(envelope):
        if text is not None and len(text) > MAX_IDENTIFIER_CHARS:
            raise _over(field, term("characters"), MAX_IDENTIFIER_CHARS)
    if not small or (suspect and _SUSPECT.search(body)):
        _check_values(envelope.model_dump(exclude_defaults=True), "")


def refuse_names(attachments: Sequence[Attachment]) -> None:
    """Refuse an attachment whose name is not a plain file name.

    The recipient's system writes a file of this name, so the name must not lead out of a folder,
    even if a format or a hostile worker did not check it.

    Raises:
        DocumentError: E_ATTACHMENT_NAME, with the path.
    """
    for index, attachment in enumerate(attachments):
        if not is_plain_name(attachment.name):
            place = Place(field=f"document.attachments.{index}.name")
            raise AxisError.of("E_ATTACHMENT_NAME", place=place, name=shown(attachment.name))


def _identifiers(envelope: Envelope) -> Iterator[tuple[str, str | None]]:
    """The values that are looked up, compared or indexed, each with its path."""
    yield from _fields("", envelope, "version", "sender", "sender_mailbox")
    for recipient in envelope.recipients:
        yield from _fields("recipients.", recipient, "agency", "mailbox", "named")
    if envelope.source is not None:
        yield "source.format", envelope.source.format
    # The recipient checks a sealed document after opening it.
    if envelope.document is not None and envelope.sealed is None:
        document, block = envelope.document, envelope.document.bussiness
        yield from _fields("document.", document, "document_id", "number", "notation")
        yield "document.bussiness.target_document_id", block.target_document_id
        yield "document.from_agency.organ_id", document.from_agency.organ_id
        for receiver in document.to_agencies:
            yield "document.to_agencies.organ_id", receiver.organ_id
        for replaced in block.replacements:
            yield "document.bussiness.replacements.document_id", replaced.document_id
        for attachment in document.attachments:
            yield from _fields("document.attachments.", attachment, "name", "media_type")
    if envelope.receipt is not None:
        report = envelope.receipt.report
        names = ("code", "document_code", "document_id", "to_organ_id")
        yield from _fields("receipt.report.", report, *names)
        yield "receipt.report.from_agency.organ_id", report.from_agency.organ_id
        yield from _fields("receipt.", envelope.receipt, "answers", "delivery")


def _fields(path: str, value: object, *names: str) -> Iterator[tuple[str, str | None]]:
    return ((f"{path}{name}", getattr(value, name)) for name in names)


def _check_values(node: object, path: str) -> None:
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
                _check_values(name, path)
                _check_values(value, f"{path}.{name}" if path else name)
        case list() | tuple():
            if path not in {"recipients", "sealed.keys"}:
                _check_count(node, MAX_LIST_ITEMS, path)
            for index, value in enumerate(node):
                _check_values(value, f"{path}.{index}")
        case _:
            return


def _check_count(items: Sequence[object], limit: int, path: str) -> None:
    if len(items) > limit:
        raise _over(path, term("items"), limit)


def _over(path: str, what: Coded, limit: int) -> AxisError:
    return AxisError.of("E_LIMIT", place=Place(field=path), what=what, limit=limit)
