"""The two languages of all texts, and the tables in which texts are written in both."""

from enum import StrEnum


class Language(StrEnum):
    """The languages of all texts."""

    ENGLISH = "en"
    VIETNAMESE = "vi"

    def choose(self, english: str, vietnamese: str) -> str:
        """The text in this language."""
        return english if self is Language.ENGLISH else vietnamese


def texts(table: str) -> dict[str, tuple[str, str]]:
    """Read a table with one text for each line: `code | English | Vietnamese`.

    A line that begins with `|` continues the line before it. Empty lines and lines that begin with
    `#` are ignored. Returns code → (English, Vietnamese).

    Raises:
        ValueError: A text has not three parts, or a code occurs twice.
    """
    lines: list[str] = []
    for line in map(str.strip, table.splitlines()):
        if line.startswith("|"):
            lines[-1] += f" {line}"
        elif line and not line.startswith("#"):
            lines.append(line)
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        code, english, vietnamese = line.split(" | ")
        if code in found:
            raise ValueError(f"the text {code} occurs twice")
        found[code] = english, vietnamese
    return found
