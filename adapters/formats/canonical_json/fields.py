"""Fields: from parsed JSON to a canonical message, told by path what does not fit."""

import json
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from adapters.contract import Message
from adapters.formats.canonical_json.stream import Value, loads, locate
from adapters.formats.canonical_json.writer import DOCUMENT, STATUS, VERSION
from adapters.formats.findings import Findings
from adapters.formats.text import BLANKS, fault_in
from schemas.document import Document
from schemas.problem import AxisError, DocumentError, Place
from schemas.status import StatusReport

Path = tuple[str | int, ...]

_KINDS: dict[object, tuple[str, type[Document | StatusReport]]] = {
    DOCUMENT: ("document", Document),
    STATUS: ("status", StatusReport),
}


def read_message(members: Mapping[str, Value], findings: Findings) -> Message:
    """Build the message of a file from its members, `contents` aside.

    Texts are trimmed and empty ones absent, as everywhere; fields we do not know are told.

    Raises:
        DocumentError: Format, version or a field does not fit; with line, column and path.
    """
    kind = loads(_member(members, "format"))
    if not isinstance(kind, str) or kind not in _KINDS:
        known = " or ".join(map(str, _KINDS))
        place = members["format"].place(0, "format")
        raise DocumentError.of("E_SCHEMA", place=place, cause=f"the format is not {known}")
    _refuse_newer(_member(members, "version"))
    name, model = _KINDS[kind]
    value = _member(members, name)
    tidied = _tidy(loads(value), (), value)
    try:
        message = model.model_validate_json(json.dumps(tidied), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _misfit(value, name, first["loc"], first["msg"]) from error
    known_fields = message.model_dump(mode="json", exclude_unset=True)
    for path in _unknown(tidied, known_fields, (name,)):
        findings.warn("W_UNKNOWN_ELEMENT", field=path, element=path)
    for extra in members.keys() - {"format", "version", name}:
        findings.warn("W_UNKNOWN_ELEMENT", field=extra, element=extra)
    return message


def _member(members: Mapping[str, Value], name: str) -> Value:
    if name not in members:
        raise DocumentError.of("E_SCHEMA", place=Place(field=name), cause="the member is missing")
    return members[name]


def _refuse_newer(value: Value) -> None:
    version = loads(value)
    if not isinstance(version, str):
        place = value.place(0, "version")
        raise DocumentError.of("E_SCHEMA", place=place, cause="the version is no text")
    if version.partition(".")[0] != VERSION.partition(".")[0]:
        raise DocumentError.of(
            "E_UNSUPPORTED_VERSION", place=value.place(0, "version"), version=version
        )


def _tidy(node: object, path: Path, value: Value) -> object:
    """Trim texts and drop what is empty, at any depth."""
    if isinstance(node, str):
        if cause := fault_in(node):
            raise _misfit(value, "", path, cause)
        return node.strip(BLANKS) or None
    if isinstance(node, dict):
        tidied = ((name, _tidy(child, (*path, name), value)) for name, child in node.items())
        return {name: child for name, child in tidied if child is not None}
    if isinstance(node, list):
        found = (_tidy(child, (*path, index), value) for index, child in enumerate(node))
        return [child for child in found if child is not None]
    return node


def _unknown(given: object, known: object, path: Path) -> list[str]:
    """The paths of given fields that the canonical schema does not have."""
    if isinstance(given, dict) and isinstance(known, dict):
        found = [".".join(map(str, (*path, name))) for name in given.keys() - known.keys()]
        for name in given.keys() & known.keys():
            found += _unknown(given[name], known[name], (*path, name))
        return sorted(found)
    if isinstance(given, list) and isinstance(known, list):
        pairs = enumerate(zip(given, known, strict=True))
        return [name for index, pair in pairs for name in _unknown(*pair, (*path, index))]
    return []


def _misfit(value: Value, member: str, path: Sequence[str | int], cause: str) -> AxisError:
    place = locate(value, path)
    field = ".".join(part for part in (member, place.field) if part)
    return DocumentError.of(
        "E_SCHEMA", place=place.model_copy(update={"field": field}), cause=cause
    )
