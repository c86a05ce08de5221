"""The files of a packet, until it is known whether the packet is taken."""

import pytest

from bus.core.pending_files import PendingFiles
from bus.memory.attachments import MemoryAttachments
from schemas.document import Attachment
from schemas.problem import DocumentError


@pytest.mark.parametrize("changed", [{}, {"sha256": "0" * 64}, {"size": 4}])
def test_a_message_may_name_only_files_that_were_read_with_it(changed: dict[str, object]) -> None:
    """It would be signed and sent, and fail at every recipient."""
    held = PendingFiles(MemoryAttachments())
    writer = held.begin()
    writer.write(b"abc")
    kept = writer.keep()
    there = {"name": "a.txt", "media_type": "text/plain", "sha256": kept.sha256, "size": kept.size}
    named = Attachment.model_validate(there | changed)

    if not changed:
        held.require([named])
        return
    with pytest.raises(DocumentError, match="E_ATTACHMENT_MISSING"):
        held.require([named])
