"""Problems and warnings that tell a person what happened and what to do, and their exceptions."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic import field_validator

from schemas.errors import ENTRIES, Entry, Fault
from schemas.language import Language as Language  # noqa: PLC0414 (whoever tells a problem needs it)
from schemas.limits import MAX_TOLD_PARAMS
from schemas.term import Coded, SafeText, Term, filled, flat
from schemas.value import Value
from schemas.warnings import WARNINGS


class Place(Value):
    """Where: line and column (from 1), path of a field, name of a file; all optional."""

    line: int | None = None
    column: int | None = None
    field: SafeText | None = None
    file: SafeText | None = None

    def describe(self, language: Language = Language.ENGLISH) -> str:
        """The place in words; empty when nothing is known."""
        named = (
            (language.choose("line", "dòng"), self.line),
            (language.choose("column", "cột"), self.column),
            (language.choose("field", "trường"), self.field or None),
            (language.choose("file", "tệp"), self.file or None),
        )
        parts = [f"{name} {value}" for name, value in named if value is not None]
        return ", ".join(parts)


class _Message(Coded):
    """A code of the catalogue with a place and the values for its texts."""

    place: Place = Place()

    @field_validator("params", mode="before")
    @classmethod
    def _limit_params(cls, params: Any) -> Any:
        if isinstance(params, Mapping) and len(params) > MAX_TOLD_PARAMS:
            return dict(islice(params.items(), MAX_TOLD_PARAMS))
        return params

    def _texts(self) -> tuple[str, str]:
        raise NotImplementedError

    def text(self, language: Language = Language.ENGLISH) -> str:
        """What happened, in one sentence."""
        return filled(language.choose(*self._texts()), self.params, language)

    def __str__(self) -> str:
        where = self.place.describe()
        return f"{self.code}{f' ({where})' if where else ''}: {self.text()}"


class Problem(_Message):
    """A refusal or a failure: an entry of the error catalogue with its place and values.

    `detail` may give operators a technical cause. It never contains content, keys or personal data.
    """

    detail: SafeText | None = None

    @property
    def entry(self) -> Entry:
        """The entry of the catalogue; for an unknown code of a newer version, E_INTERNAL."""
        return ENTRIES.get(self.code, ENTRIES["E_INTERNAL"])

    @property
    def fault(self) -> Fault:
        """Whose fault it is. This decides what happens next."""
        return self.entry.fault

    @property
    def retryable(self) -> bool:
        """Whether another attempt can succeed although nobody changes anything."""
        return self.entry.retryable

    @property
    def because(self) -> Term:
        """Its cause, to be used as the cause of another problem; the problem itself without one."""
        if "cause" not in self.params:
            return Term(code=self.code, params=self.params)
        mark = "cause."
        inner = {n.removeprefix(mark): v for n, v in self.params.items() if n.startswith(mark)}
        return Term(code=self.params["cause"], params=inner)

    def _texts(self) -> tuple[str, str]:
        return self.entry.text_en, self.entry.text_vi

    def advice(self, language: Language = Language.ENGLISH) -> str:
        """What to do next, in one sentence."""
        template = language.choose(self.entry.advice_en, self.entry.advice_vi)
        return filled(template, self.params, language)


class Warned(_Message):
    """Something unusual in a message, or a repair of it; the message is accepted."""

    def _texts(self) -> tuple[str, str]:
        key = "W_MISSING_FIELD" if self.code.startswith("W_MISSING_") else self.code
        return WARNINGS.get(key, (self.code, self.code))


class AxisError(Exception):
    """The base class of all errors that something outside the program can cause."""

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
        """Make the error for a code of the catalogue, in the class that belongs to its fault.

        Args:
            cause: Why: a term, another problem, or a message of other software (`foreign`).
            what: What it is about, in the same way.
            params: Data: codes, numbers, names, paths (`schemas.terms.DATA`).
        """
        terms = {"cause": cause, "what": what}
        told = flat({name: value for name, value in terms.items() if value is not None} | params)
        return error_of(Problem(code=code, place=place or Place(), params=told, detail=detail))


def error_of(problem: Problem) -> AxisError:
    """Make the error for a problem, in the class that belongs to its fault."""
    return _CLASS_OF[problem.fault](problem)


class DocumentError(AxisError):
    """The sender's fault: refuse or dead-letter, never retry."""


class RecipientError(AxisError):
    """The recipient's system refused, or could not be reached."""


class TransportError(AxisError):
    """Broker, database or network do not answer. Retry."""


class ConfigurationError(AxisError):
    """The operator's fault: a command stops with one sentence."""


class InternalError(AxisError):
    """Our fault: park the delivery, and raise an alarm."""


_CLASS_OF: dict[Fault, type[AxisError]] = {
    Fault.SENDER: DocumentError,
    Fault.RECIPIENT: RecipientError,
    Fault.WORLD: TransportError,
    Fault.OPERATOR: ConfigurationError,
    Fault.OURS: InternalError,
}
