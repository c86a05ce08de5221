"""edXML packets as an agency's system would write them, for driving a running axis."""

from adapters.formats.edxml import EdxmlFormat
from bus.memory.attachments import MemoryAttachments
from schemas.document import Attachment, Document, Organization
from tests.support.envelopes import NOW, a_document, a_report


def a_packet(*, sender: str, receivers: list[str], number: str, **changes: object) -> bytes:
    """A document with the files given as `files={name: bytes}`."""
    store, attached = MemoryAttachments(), []
    contents = changes.pop("files", {})
    assert isinstance(contents, dict)
    for name, content in contents.items():
        writer = store.begin()
        writer.write(content)
        kept = writer.keep()
        attached.append(
            Attachment(name=name, media_type="text/plain", size=kept.size, sha256=kept.sha256)
        )
    document = a_document(
        from_agency=Organization(organ_id=sender),
        to_agencies=tuple(Organization(organ_id=code) for code in receivers),
        document_id=f"{sender},2026/03/12,{number}/VB",
        number=number,
        notation="VB",
        attachments=tuple(attached),
        **changes,
    )
    return _written(document, store)


def a_status(*, sender: str, addressee: str, number: str, code: str = "03") -> bytes:
    """A status on a document of `addressee`."""
    report = a_report(
        from_agency=Organization(organ_id=sender),
        to_organ_id=addressee,
        document_id=f"{addressee},2026/03/12,{number}/VB",
        document_code=f"{number}/VB",
        code=code,
    )
    return b"".join(EdxmlFormat().write(report, attachments=MemoryAttachments(), written_at=NOW))


def _written(document: Document, store: MemoryAttachments) -> bytes:
    return b"".join(EdxmlFormat().write(document, attachments=store, written_at=NOW))
