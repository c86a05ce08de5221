"""Write the JSON Schemas of all messages and the catalogue of codes as files.

`python -m schemas.export` renews `schemas/jsonschema` and `docs/codes.md`. With `--freeze`, at a
release, it also writes a copy for the newest wire version; later versions must stay compatible with
this copy (`schemas.compatibility`).
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from schemas.directory import Directory
from schemas.document import Document
from schemas.envelope import SEALED_WIRE_VERSION, WIRE_VERSION, Envelope, Receipt
from schemas.errors import ENTRIES
from schemas.sealing import SealedContent, SealingKey, SignedSealingKey
from schemas.status import StatusReport
from schemas.terms import VOCABULARIES
from schemas.value import Value
from schemas.warnings import WARNINGS

FOLDER = Path(__file__).parent / "jsonschema"
CODES_PAGE = Path(__file__).parents[1] / "docs" / "codes.md"

_MAJOR = WIRE_VERSION.partition(".")[0]
_MODELS: dict[str, type[Value]] = {
    "directory": Directory,
    "document": Document,
    "envelope": Envelope,
    "receipt": Receipt,
    "sealed-content": SealedContent,
    "sealing-key": SealingKey,
    "signed-sealing-key": SignedSealingKey,
    "status-report": StatusReport,
}


def exports() -> dict[str, str]:
    """The exported files: name → content. Nothing is written."""
    schemas = {
        f"{name}.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:lienthong:{name}:{_MAJOR}",
            **model.model_json_schema(),
        }
        for name, model in _MODELS.items()
    }
    return {name: _text(content) for name, content in schemas.items()} | {
        "errors.json": _text({code: entry._asdict() for code, entry in ENTRIES.items()}),
        "warnings.json": _text(_in_both(WARNINGS)),
        "terms.json": _text({name: _in_both(each.terms) for name, each in VOCABULARIES.items()}),
    }


def _in_both(texts: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return {code: {"text_en": en, "text_vi": vi} for code, (en, vi) in texts.items()}


def codes_page() -> str:
    """The catalogue as a Markdown page."""
    errors = (
        f"| `{code}` | {entry.fault} | {'yes' if entry.retryable else 'no'} "
        f"| {entry.text_en}<br>{entry.text_vi} | {entry.advice_en}<br>{entry.advice_vi} |"
        for code, entry in ENTRIES.items()
    )
    warnings = (
        f"| `{code}` | {english}<br>{vietnamese} |"
        for code, (english, vietnamese) in WARNINGS.items()
    )
    terms = (
        f"| `{name}` | `{code}` | {english}<br>{vietnamese} |"
        for name, vocabulary in VOCABULARIES.items()
        if name != "why"
        for code, (english, vietnamese) in vocabulary.terms.items()
    )
    parts = (_CODES_HEAD, *errors, "", _WARNINGS_HEAD, *warnings, "", _TERMS_HEAD, *terms, "")
    return "\n".join(parts)


def _text(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


_CODES_HEAD = """\
# Codes

Made by `python -m schemas.export`; edit `schemas/errors`, `schemas/warnings.py` and `schemas/terms`
instead.

## Errors

The fault decides what happens next. For example, a fault of the sender is refused and never tried
again; a fault of the world is tried again until it is over.

| code | fault | tried again | text | advice |
| --- | --- | --- | --- | --- |"""

_WARNINGS_HEAD = """\
## Warnings

A message with warnings is accepted. `W_MISSING_FIELD` appears with the name of the field, as in
`W_MISSING_SUBJECT`.

| code | text |
| --- | --- |"""

_TERMS_HEAD = """\
## Terms

A placeholder in a text stands for data, which are the same in every language, or for a term. A
message contains the code of the term, and each language has its own text for it. `why` has the
terms of `cause`. The values of a term have dotted names, as in `cause.limit`. The code of an error
is also a term.

| placeholder | term | text |
| --- | --- | --- |"""


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in exports().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    _write(FOLDER)
    CODES_PAGE.write_text(codes_page(), encoding="utf-8")
    if "--freeze" in sys.argv[1:]:
        _write(FOLDER / SEALED_WIRE_VERSION)
