"""Writer: write a canonical message as JSON, alone or with its attachments."""

import json
from collections.abc import Iterator
from typing import assert_never

from adapters.contract import AttachmentSource, Message
from adapters.formats.base64_stream import encode
from schemas.document import Document
from schemas.status import StatusReport
from schemas.verdict import DeliveryCheck, told

VERSION = "1.0"
DOCUMENT = "lienthong.document"
STATUS = "lienthong.status"
CHECK = "check"

_END = "\n}\n"
_READ_BYTES = 256 * 1024


def to_canonical_json(message: Message) -> bytes:
    """The canonical fields as indented JSON, always the same; default values are left out."""
    match message:
        case Document():
            kind, member = DOCUMENT, "document"
        case StatusReport():
            kind, member = STATUS, "status"
        case _:
            assert_never(message)
    fields = message.model_dump(mode="json", exclude_defaults=True)
    file = {"format": kind, "version": VERSION, member: fields}
    return (json.dumps(file, ensure_ascii=False, indent=2) + "\n").encode()


def write_file(
    message: Message, source: AttachmentSource, check: DeliveryCheck | None = None
) -> Iterator[bytes]:
    """Write a message with the contents of its attachments; equal contents are written once.

    Args:
        check: What was found about the signatures; it becomes a member of its own.

    Raises:
        DocumentError: An attachment is absent or damaged.
    """
    head = to_canonical_json(message)
    if check is not None:
        member = json.dumps({CHECK: told(check)}, ensure_ascii=False, indent=2)
        head = head.removesuffix(_END.encode()) + b"," + member[1:].encode() + b"\n"
    attachments = message.attachments if isinstance(message, Document) else ()
    digests = dict.fromkeys(attachment.sha256 for attachment in attachments)
    if not digests:
        yield head
        return
    yield head.removesuffix(_END.encode()) + b',\n  "contents": {'
    for number, sha256 in enumerate(digests):
        comma = "," if number else ""
        yield f'{comma}\n    "{sha256}": "'.encode()
        with source.open(sha256) as file:
            yield from encode(iter(lambda: file.read(_READ_BYTES), b""))
        yield b'"'
    yield f"\n  }}{_END}".encode()
