"""Export: the JSON Schemas of all that travels, and the catalogue of codes, as files.

`python -m schemas.export` renews `schemas/jsonschema`; with `--freeze`, at a release, also the copy
under the wire version that later versions must stay compatible with (`schemas.compatibility`).
"""

import json
import sys
from pathlib import Path

from schemas.directory import Directory
from schemas.document import Document
from schemas.envelope import WIRE_VERSION, Envelope, Receipt
from schemas.errors import ENTRIES
from schemas.status import StatusReport
from schemas.value import Value
from schemas.warnings import WARNINGS

FOLDER = Path(__file__).parent / "jsonschema"

_MAJOR = WIRE_VERSION.partition(".")[0]
_MODELS: dict[str, type[Value]] = {
    "directory": Directory,
    "document": Document,
    "envelope": Envelope,
    "receipt": Receipt,
    "status-report": StatusReport,
}


def exports() -> dict[str, str]:
    """File name → content. Nothing is written."""
    schemas = {
        f"{name}.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:lienthong:{name}:{_MAJOR}",
            **model.model_json_schema(),
        }
        for name, model in _MODELS.items()
    }
    return {name: _text(content) for name, content in schemas.items()} | {
        "errors.json": _text(
            {code: entry.model_dump(mode="json") for code, entry in ENTRIES.items()}
        ),
        "warnings.json": _text(
            {code: {"text_en": en, "text_vi": vi} for code, (en, vi) in WARNINGS.items()}
        ),
    }


def _text(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in exports().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    _write(FOLDER)
    if "--freeze" in sys.argv[1:]:
        _write(FOLDER / WIRE_VERSION)
