"""Problem: one thing that went wrong or was repaired, told so that a person can act on it."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic import field_validator

from schemas.errors import ENTRIES, Entry, Fault
from schemas.limits import MAX_TOLD_PARAMS
from schemas.term import Coded, Tellable, Term, filled, flat
from schemas.term import Language as Language  # noqa: PLC0414 (whoever tells a problem needs it)
from schemas.value import Value
from schemas.warnings import WARNINGS


class Place(Value):
    """Where: any of a line and column of the source (from 1), a field path, a file's name."""

    line: int | None = None
    column: int | None = None
    field: Tellable | None = None
    file: Tellable | None = None

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


class _Told(Coded):
    """Shared by problems and warnings: a catalogue code with the values for its text."""

    place: Place = Place()

    @field_validator("params", mode="before")
    @classmethod
    def _few(cls, params: Any) -> Any:
        if isinstance(params, Mapping) and len(params) > MAX_TOLD_PARAMS:
            return dict(islice(params.items(), MAX_TOLD_PARAMS))
        return params

    def _fill(self, english: str, vietnamese: str, language: Language) -> str:
        template = english if language is Language.ENGLISH else vietnamese
        return filled(template, self.params, language)


class Problem(_Told):
    """A refusal, or a failure: an entry of the error catalogue with place and parameters.

    `detail` may add a technical cause for operators; never content, keys or personal data.
    """

    detail: Tellable | None = None

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

    @property
    def because(self) -> Term:
        """Its cause alone, to be told as the cause of something else; itself if it has none."""
        if "cause" not in self.params:
            return Term(code=self.code, params=self.params)
        mark = "cause."
        inner = {n.removeprefix(mark): v for n, v in self.params.items() if n.startswith(mark)}
        return Term(code=self.params["cause"], params=inner)

    def text(self, language: Language = Language.ENGLISH) -> str:
        """What is wrong, in one sentence."""
        entry = self.entry
        return self._fill(entry.text_en, entry.text_vi, language)

    def advice(self, language: Language = Language.ENGLISH) -> str:
        """What to do next, in one sentence."""
        entry = self.entry
        return self._fill(entry.advice_en, entry.advice_vi, language)

    def __str__(self) -> str:
        where = self.place.describe()
        return f"{self.code}{f' ({where})' if where else ''}: {self.text()}"


class Warned(_Told):
    """A named repair or oddity; the message is accepted."""

    def text(self, language: Language = Language.ENGLISH) -> str:
        """What was seen and done, in one sentence."""
        key = "W_MISSING_FIELD" if self.code.startswith("W_MISSING_") else self.code
        english, vietnamese = WARNINGS.get(key, (self.code, self.code))
        return self._fill(english, vietnamese, language)

    def __str__(self) -> str:
        where = self.place.describe()
        return f"{self.code}{f' ({where})' if where else ''}: {self.text()}"


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
        cause: Coded | None = None,
        what: Coded | None = None,
        **params: object,
    ) -> "AxisError":
        """Build the error of the class that a catalogue code's fault asks for.

        Args:
            cause: Why: a term with a text in both languages, another problem, or, by `foreign`,
                what somebody else's software said.
            what: What it is about, in the same way.
            params: Data: codes, numbers, names, paths (`schemas.terms.DATA`).
        """
        terms = {"cause": cause, "what": what}
        told = {name: value for name, value in terms.items() if value is not None}
        problem = Problem(
            code=code, place=place or Place(), params=flat(told | params), detail=detail
        )
        return error_of(problem)


def error_of(problem: Problem) -> AxisError:
    """The error of the class that a problem's fault asks for."""
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
