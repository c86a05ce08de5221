"""A format that has no place for some fields: its agency is told what was left out."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from adapters.contract import AttachmentSource, Message
from adapters.formats.canonical_json import CanonicalJsonFormat
from schemas.omission import without
from tests.acceptance.packets import a_packet
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.two_agencies import TwoAgencies, eventually


class _Lossy:
    name = "lossy"
    suffix = ".lossy"
    omits = frozenset({"signer.full_name", "copies"})
    recognises = CanonicalJsonFormat.recognises
    read = CanonicalJsonFormat.read

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        left, _ = without(message, self.omits)
        return CanonicalJsonFormat().write(left, attachments=attachments, written_at=written_at)


async def test_what_was_left_out_is_named_beside_the_document(tmp_path: Path) -> None:
    """Only what this document said; in both languages."""
    axis = TwoAgencies(tmp_path)
    axis.parts = replace(axis.parts, written_in=_Lossy())
    async with axis.running():
        axis.drop(SENDER, "a.edxml", a_packet(sender=SENDER, receivers=[RECIPIENT], number="1"))
        await eventually(lambda: axis.documents(RECIPIENT))
        await eventually(lambda: axis.statuses(SENDER))

    [note] = (axis.folder(RECIPIENT) / "inbox" / "documents").glob("*.check.json")
    [warned] = json.loads(note.read_bytes())["warnings"]
    assert warned["code"] == "W_NOT_CARRIED"
    assert "signer.full_name" in json.dumps(warned, ensure_ascii=False)
    assert axis.failures == []
