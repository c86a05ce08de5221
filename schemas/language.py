"""The two languages of all texts, and the tables in which texts are written in both."""

import re
from enum import StrEnum
from textwrap import dedent


class Language(StrEnum):
    """The languages of all texts."""

    ENGLISH = "en"
    VIETNAMESE = "vi"

    def choose(self, english: str, vietnamese: str) -> str:
        """The text in this language."""
        return english if self is Language.ENGLISH else vietnamese


def texts(table: str) -> dict[str, tuple[str, str]]:
    """Read a table of `code | English | Vietnamese`; return code → (English, Vietnamese).

    Raises:
        ValueError: An entry has not three parts, or a code occurs twice.
    """
    found: dict[str, tuple[str, str]] = {}
    for entry in entries_of(table):
        code, english, vietnamese = re.sub(r"\n +", " ", entry).split(" | ")
        if code in found:
            raise ValueError(f"the text {code} occurs twice")
        found[code] = english, vietnamese
    return found


def entries_of(table: str) -> list[str]:
    """The entries of a table, without lines that begin with `#`.

    Indented lines belong to the entry before them.
    """
    lines = re.split(r"\n(?=\S)", dedent(table).strip())
    return [entry for entry in lines if not entry.startswith("#")]
