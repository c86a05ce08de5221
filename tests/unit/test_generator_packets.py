"""The files that agencies drop in the demonstration, read back by the format that meets them."""

from datetime import UTC, date, datetime
from importlib.resources import files
from io import BytesIO

import pytest

from adapters.contract import Limits
from adapters.formats.edxml import EdxmlFormat
from bus.core.directory import seed_directory
from bus.demo.drop import ANSWERS, Drop, Flaw
from bus.demo.generator import plan
from bus.demo.pdf import make_pool
from bus.memory.attachments import MemoryAttachments
from schemas.document import Document
from schemas.problem import DocumentError
from schemas.reading import Reading

TODAY = date(2026, 3, 12)
WRITTEN_AT = datetime(2026, 3, 12, 2, 15, tzinfo=UTC)
EDXML = EdxmlFormat()
FILES = make_pool(count=3, seed=7)
DIRECTORY = seed_directory((files("schemas") / "seed" / "agencies.csv").read_text(encoding="utf-8"))
DROPS = plan(DIRECTORY, FILES, documents=300, seed=7, today=TODAY)
FOUND_BY_THE_FORMAT = {
    Flaw.EMPTY,
    Flaw.TRUNCATED,
    Flaw.DOCTYPE,
    Flaw.NOT_UTF8,
    Flaw.NAMESPACE,
    Flaw.NOT_BASE64,
    Flaw.ATTACHMENT_GONE,
    Flaw.SECRECY_MARK,
}


def read(drop: Drop) -> Reading:
    packet = drop.packet(FILES, written_at=WRITTEN_AT)
    return EDXML.read(BytesIO(packet), sink=MemoryAttachments(), limits=Limits(), today=TODAY)


def test_every_sound_file_reads_as_the_message_it_was_made_of_without_a_warning() -> None:
    for drop in DROPS:
        if drop.flaw is None:
            reading = read(drop)

            message = reading.message
            if isinstance(message, Document):
                message = message.model_copy(update={"hops": ()})
            assert message == drop.message
            assert reading.warnings == ()


@pytest.mark.parametrize("flaw", sorted(FOUND_BY_THE_FORMAT))
def test_a_flaw_that_the_format_can_see_is_refused_as_planned(flaw: Flaw) -> None:
    drop = next(drop for drop in DROPS if drop.flaw is flaw)

    with pytest.raises(DocumentError) as refused:
        read(drop)

    assert refused.value.problem.code == drop.refusal


@pytest.mark.parametrize("flaw", sorted(set(ANSWERS) - FOUND_BY_THE_FORMAT))
def test_other_flaws_are_not_for_the_format_to_find(flaw: Flaw) -> None:
    drop = next(drop for drop in DROPS if drop.flaw is flaw)

    codes = [warned.code for warned in read(drop).warnings]

    assert codes == (["W_LEADING_JUNK"] if flaw is Flaw.JUNK else [])
