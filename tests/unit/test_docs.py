"""The documentation names only what exists."""

import re
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from adapters.contract import Limits
from adapters.formats.canonical_json import CanonicalJsonFormat
from bus.memory.attachments import MemoryAttachments
from schemas.errors import ENTRIES
from schemas.warnings import WARNINGS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for folder in ("docs", "deploy", ".")
    for path in ROOT.glob(f"{folder}/**/*.md" if folder != "." else "*.md")
)
CODE = re.compile(r"\b[EW]_[A-Z0-9_]*[A-Z0-9]\b")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_on_a_page_is_in_the_catalogue(page: Path) -> None:
    named = set(CODE.findall(page.read_text(encoding="utf-8")))

    assert {
        code for code in named if not code.startswith("W_MISSING")
    } <= ENTRIES.keys() | WARNINGS.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_letter_of_the_tutorial_can_be_sent() -> None:
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (letter,) = re.findall(r"```json\n(.*?)```", tutorial, re.DOTALL)

    reading = CanonicalJsonFormat().read(
        BytesIO(letter.encode()),
        sink=MemoryAttachments(),
        limits=Limits(),
        today=date(2026, 3, 12),
    )

    assert reading.warnings == ()


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(LINK.findall((folder / "README.md").read_text(encoding="utf-8")))

    assert listed == {path.name for path in folder.glob("0*.md")}
