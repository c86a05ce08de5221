"""Terms: parts of sentences that are sent as codes and shown in the reader's language."""

import errno
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from schemas.errors import ENTRIES
from schemas.language import Language
from schemas.limits import MAX_TOLD_CHARS
from schemas.safe_text import redacted
from schemas.terms import VOCABULARIES
from schemas.value import Value


def _safe_text(text: Any) -> Any:
    """A text that may leave the process: without secrets, valid UTF-8, and not too long.

    Problems are sent in message headers and stored in databases, and they may quote hostile bytes.
    """
    if not isinstance(text, str):
        return text
    # Secrets are removed before the text is cut, because half a secret is not recognised.
    text = redacted(text)
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    return text if len(text) <= MAX_TOLD_CHARS else f"{text[: MAX_TOLD_CHARS - 1]}…"


SafeText = Annotated[str, BeforeValidator(_safe_text)]


class Coded(Value):
    """A code with the values for its texts.

    If a value is a term, `params` contains its code under the name of the value, and the values of
    the term under dotted names: `cause`, `cause.limit`.
    """

    code: str
    params: dict[str, SafeText] = {}


class Term(Coded):
    """A part of a sentence: an entry of `schemas.terms`, or an error of the catalogue."""

    def text(self, language: Language = Language.ENGLISH) -> str:
        """The text; an unknown code is shown as a quotation in Vietnamese."""
        return _text_of("cause", self.code, self.params, language, inside="")


def term(code: str, /, **params: object) -> Term:
    """Make a term of `schemas.terms` with its values."""
    return Term(code=code, params=flat(params))


def foreign(said: object) -> Term:
    """A message of other software, in any language, which is shown as a quotation."""
    return term("foreign", said=said)


def of_os(error: OSError) -> Term:
    """The term for an error of the operating system."""
    name = errno.errorcode.get(error.errno or 0, "")
    known = VOCABULARIES["cause"].terms
    return term(name) if name in known else foreign(error.strerror or type(error).__name__)


def flat(params: Mapping[str, object]) -> dict[str, str]:
    """Parameters in the form in which they are sent."""
    found: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, Coded):
            found[name] = value.code
            found |= {f"{name}.{inner}": text for inner, text in value.params.items()}
        else:
            found[name] = str(value)
    return found


def filled(
    template: str, params: Mapping[str, str], language: Language, *, inside: str = ""
) -> str:
    """Replace the placeholders of a text; `inside` is the dotted prefix of their names."""
    text = template.format_map(_Values(params, language, inside))
    # A sentence that begins with a term needs a capital letter.
    begins = template.startswith("{") and template[1:].partition("}")[0] in VOCABULARIES
    return text[:1].upper() + text[1:] if begins and not inside else text


class _Values(dict[str, str]):
    """The text for each placeholder."""

    def __init__(self, params: Mapping[str, str], language: Language, inside: str) -> None:
        super().__init__()
        self._params, self._language, self._inside = params, language, inside

    def __missing__(self, name: str) -> str:
        value = self._params.get(self._inside + name)
        if value is None:
            return "{" + name + "}"
        return _text_of(name, value, self._params, self._language, inside=f"{self._inside}{name}.")


def _text_of(
    name: str, value: str, params: Mapping[str, str], language: Language, *, inside: str
) -> str:
    vocabulary = VOCABULARIES.get(name)
    if vocabulary is None or not value:
        return value
    if value in vocabulary.terms:
        template = language.choose(*vocabulary.terms[value])
    elif value in ENTRIES:
        # Another problem is the cause of this one.
        entry = ENTRIES[value]
        template = language.choose(entry.text_en, entry.text_vi).rstrip(".")
    elif language is Language.ENGLISH or vocabulary.or_data:
        return value
    else:
        # A text of an older version, or a term of a newer version.
        return f"chi tiết kỹ thuật “{value}”"
    return filled(template, params, language, inside=inside)
