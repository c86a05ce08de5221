"""Term: a part of a sentence that travels as a code and is told in the reader's language."""

import errno
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator

from schemas.errors import ENTRIES
from schemas.limits import MAX_TOLD_CHARS
from schemas.redaction import redacted
from schemas.terms import VOCABULARIES
from schemas.value import Value


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


Tellable = Annotated[str, BeforeValidator(_tellable)]


class Coded(Value):
    """A code with the values for its texts.

    A value that is coded itself stands in `params` under its code, and its own values under
    dotted names: `cause`, `cause.limit`.
    """

    code: str
    params: dict[str, Tellable] = {}


class Term(Coded):
    """A part of a sentence: an entry of `schemas.terms`, or an error of the catalogue."""

    def text(self, language: Language = Language.ENGLISH) -> str:
        """In words; what no vocabulary knows is quoted in Vietnamese."""
        return _said("cause", self.code, self.params, language, inside="")


def term(code: str, /, **params: object) -> Term:
    """A term of `schemas.terms` with its data."""
    return Term(code=code, params=flat(params))


def foreign(said: object) -> Term:
    """What the software of others said, in whichever language: told as a quotation."""
    return term("foreign", said=said)


def of_os(error: OSError) -> Term:
    """What an operating system said."""
    name = errno.errorcode.get(error.errno or 0, "")
    known = VOCABULARIES["cause"].terms
    return term(name) if name in known else foreign(error.strerror or type(error).__name__)


def flat(params: Mapping[str, object]) -> dict[str, str]:
    """Parameters as they travel."""
    return dict(_flattened(params))


def _flattened(params: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        if isinstance(value, Coded):
            yield name, value.code
            yield from ((f"{name}.{inner}", text) for inner, text in value.params.items())
        else:
            yield name, str(value)


def filled(
    template: str, params: Mapping[str, str], language: Language, *, inside: str = ""
) -> str:
    """A text with its placeholders filled; one whose value is not known is left standing.

    Args:
        inside: Under which dotted name the values of this text stand.
    """
    text = template.format_map(_Words(params, language, inside))
    # A sentence that begins with a term begins with a capital.
    begins = template.startswith("{") and template[1:].partition("}")[0] in VOCABULARIES
    return text[:1].upper() + text[1:] if begins and not inside else text


class _Words(dict[str, str]):
    """The words for each placeholder of one text."""

    def __init__(self, params: Mapping[str, str], language: Language, inside: str) -> None:
        super().__init__()
        self._params, self._language, self._inside = params, language, inside

    def __missing__(self, name: str) -> str:
        value = self._params.get(self._inside + name)
        if value is None:
            return "{" + name + "}"
        return _said(name, value, self._params, self._language, inside=f"{self._inside}{name}.")


def _said(
    name: str, value: str, params: Mapping[str, str], language: Language, *, inside: str
) -> str:
    vocabulary = VOCABULARIES.get(name)
    if vocabulary is None or not value:
        return value
    english = language is Language.ENGLISH
    if value in vocabulary.terms:
        template = vocabulary.terms[value][0 if english else 1]
    elif value in ENTRIES:
        # Another problem is the cause of this one.
        entry = ENTRIES[value]
        template = (entry.text_en if english else entry.text_vi).rstrip(".")
    elif english or vocabulary.or_data:
        return value
    else:
        # A free text of an older version, or a term of a newer one.
        return f"chi tiết kỹ thuật “{value}”"
    return filled(template, params, language, inside=inside)
