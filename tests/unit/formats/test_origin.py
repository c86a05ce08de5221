"""Raw values of a foreign format are not taken for elements of edXML."""

import pytest

from adapters.conformance.files import MemoryFiles
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.origin import marked
from schemas.reading import Reading
from tests.support.builders import document
from tests.unit.formats.test_edxml_writer import WRITTEN_AT

READING = Reading(message=document(attachments=(), raw={"Direction": "x"}))


@pytest.mark.parametrize("name", ["edxml", "json"])
def test_our_formats_speak_in_elements_of_edxml(name: str) -> None:
    assert marked(READING, name) == READING


def test_those_of_another_format_are_marked_and_never_written_into_a_packet() -> None:
    message = marked(READING, "vxp").message
    packet = EdxmlFormat().write(message, attachments=MemoryFiles(), written_at=WRITTEN_AT)

    assert message.raw == {"vxp:Direction": "x"}
    assert b"Direction" not in b"".join(packet)
