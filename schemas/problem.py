"""Problem: one thing that went wrong or was repaired, told so that a person can act on it."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

from pydantic import BeforeValidator, field_validator

from schemas.errors import ENTRIES, Entry, Fault
from schemas.limits import MAX_TOLD_CHARS, MAX_TOLD_PARAMS
from schemas.redaction import redacted
from schemas.value import Value
from schemas.warnings import WARNINGS


class Language(StrEnum):
    """The languages every text of the axis exists in."""

    ENGLISH = "en"
    VIETNAMESE = "vi"


def _tellable(text: Any) -> Any:
    """A text that may leave the process: without secrets, UTF-8, and no longer than is read.

    A problem travels in a message header and is kept as a row, whatever hostile bytes it quotes.
    """
    if not isinstance(text, str):
        return text
    # Redacted before it is cut: half a password would no longer be known for one.
    text = redacted(text)
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    return text if len(text) <= MAX_TOLD_CHARS else f"{text[: MAX_TOLD_CHARS - 1]}…"


_Tellable = Annotated[str, BeforeValidator(_tellable)]


class Place(Value):
    """Where: any of a line and column of the source (from 1), a field path, a file's name."""

    line: int | None = None
    column: int | None = None
    field: _Tellable | None = None
    file: _Tellable | None = None

    def describe(self, language: Language = Language.ENGLISH) -> str:
        """The place in words, empty when nothing is known."""
        english = language is Language.ENGLISH
        parts = []
        if self.line is not None:
            parts.append(f"line {self.line}" if english else f"dòng {self.line}")
        if self.column is not None:
            parts.append(f"column {self.column}" if english else f"cột {self.column}")
        if self.field:
            parts.append(f"field {self.field}" if english else f"trường {self.field}")
        if self.file:
            parts.append(f"file {self.file}" if english else f"tệp {self.file}")
        return ", ".join(parts)


class _Told(Value):
    """Shared by problems and warnings: a catalogue code with the values for its text."""

    code: str
    place: Place = Place()
    params: dict[str, _Tellable] = {}

    @field_validator("params", mode="before")
    @classmethod
    def _few(cls, params: Any) -> Any:
        if isinstance(params, Mapping) and len(params) > MAX_TOLD_PARAMS:
            return dict(islice(params.items(), MAX_TOLD_PARAMS))
        return params

    def _fill(self, template: str) -> str:
        return template.format_map(_Lenient(self.params))


class Problem(_Told):
    """A refusal, or a failure: an entry of the error catalogue with place and parameters.

    `detail` may add a technical cause for operators; never content, keys or personal data.
    """

    detail: _Tellable | None = None

    @property
    def entry(self) -> Entry:
        """The catalogue entry; a code of a newer version reads as an unexpected error."""
        return ENTRIES.get(self.code, ENTRIES["E_INTERNAL"])

    @property
    def fault(self) -> Fault:
        """Whose fault it is, which decides what happens next."""
        return self.entry.fault

    @property
    def retryable(self) -> bool:
        """Whether trying again can help without anybody changing anything."""
        return self.entry.retryable

    def text(self, language: Language = Language.ENGLISH) -> str:
        """What is wrong, in one sentence."""
        entry = self.entry
        return self._fill(entry.text_en if language is Language.ENGLISH else entry.text_vi)

    def advice(self, language: Language = Language.ENGLISH) -> str:
        """What to do next, in one sentence."""
        entry = self.entry
        return self._fill(entry.advice_en if language is Language.ENGLISH else entry.advice_vi)

    def __str__(self) -> str:
        where = self.place.describe()
        return f"{self.code}{f' ({where})' if where else ''}: {self.text()}"


class Warned(_Told):
    """A named repair or oddity; the message is accepted."""

    def text(self, language: Language = Language.ENGLISH) -> str:
        """What was seen and done, in one sentence."""
        key = "W_MISSING_FIELD" if self.code.startswith("W_MISSING_") else self.code
        english, vietnamese = WARNINGS.get(key, (self.code, self.code))
        return self._fill(english if language is Language.ENGLISH else vietnamese)

    def __str__(self) -> str:
        where = self.place.describe()
        return f"{self.code}{f' ({where})' if where else ''}: {self.text()}"


class _Lenient(dict[str, str]):
    """Leaves a placeholder standing when its value is not known."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


class AxisError(Exception):
    """Base of every error of ours that somebody outside can cause. Carries its problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem

    @classmethod
    def of(
        cls,
        code: str,
        /,
        *,
        place: Place | None = None,
        detail: str | None = None,
        **params: object,
    ) -> "AxisError":
        """Build the error of the class that a catalogue code's fault asks for."""
        problem = Problem(
            code=code,
            place=place or Place(),
            params={name: str(value) for name, value in params.items()},
            detail=detail,
        )
        return _CLASS_OF[problem.fault](problem)


class DocumentError(AxisError):
    """The sender's fault: dead-letter or refuse, never retry."""


class RecipientError(AxisError):
    """The recipient's system refused on purpose, or could not be reached."""


class TransportError(AxisError):
    """The world's fault: broker, database or network away. Retry."""


class ConfigurationError(AxisError):
    """The operator's fault: stop at start with one sentence."""


class InternalError(AxisError):
    """Our fault: park it, raise an alarm."""


_CLASS_OF: dict[Fault, type[AxisError]] = {
    Fault.SENDER: DocumentError,
    Fault.RECIPIENT: RecipientError,
    Fault.WORLD: TransportError,
    Fault.OPERATOR: ConfigurationError,
    Fault.OURS: InternalError,
}
