"""Fields: from parsed JSON to a canonical message, told by path what does not fit."""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from adapters.contract import Message
from adapters.formats.canonical_json.stream import Value, loads, locate
from adapters.formats.canonical_json.writer import CHECK, DOCUMENT, STATUS, VERSION
from adapters.formats.findings import Findings, refuse_state_secret
from adapters.formats.text import BLANKS, fault_in
from schemas.document import Document
from schemas.misfit import misfit
from schemas.problem import AxisError, DocumentError, Place
from schemas.status import StatusReport
from schemas.term import Coded, term

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
    parsed = {name: loads(value) for name, value in members.items()}
    for name in ("format", "version"):
        if not isinstance(parsed.get(name), str):
            raise _misfit(members, (name,), term("text_due"))
    major = str(parsed["version"]).partition(".")[0]
    if major != VERSION.partition(".")[0]:
        place = members["version"].place(0, "version")
        raise DocumentError.of("E_UNSUPPORTED_VERSION", place=place, version=parsed["version"])
    if parsed["format"] not in _KINDS:
        raise _misfit(members, ("format",), term("not_one_of", first=DOCUMENT, second=STATUS))
    name, model = _KINDS[parsed["format"]]
    if name not in parsed:
        raise _misfit(members, (name,), term("member_missing"))
    tidied = _tidy(parsed[name], (name,), members)
    try:
        message = model.model_validate_json(json.dumps(tidied), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _misfit(members, (name, *first["loc"]), misfit(first)) from error
    known_fields = message.model_dump(mode="json", exclude_unset=True)
    unknown = _unknown(tidied, known_fields, (name,))
    unknown += sorted(parsed.keys() - {"format", "version", CHECK, name})
    _refuse_secrets(tidied, known_fields, (name,))
    for member in sorted(parsed.keys() - {"format", "version", CHECK, name}):
        _refuse_secrets(parsed[member], None, (member,))
    for path in unknown:
        findings.warn("W_UNKNOWN_ELEMENT", field=path, element=path)
    return message


def _tidy(node: object, path: Path, members: Mapping[str, Value]) -> object:
    """Trim texts and drop what is empty, at any depth."""
    if isinstance(node, str):
        if cause := fault_in(node):
            raise _misfit(members, path, cause)
        return node.strip(BLANKS) or None
    if isinstance(node, dict):
        tidied = ((name, _tidy(child, (*path, name), members)) for name, child in node.items())
        return {name: child for name, child in tidied if child is not None}
    if isinstance(node, list):
        found = (_tidy(child, (*path, index), members) for index, child in enumerate(node))
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


def _refuse_secrets(given: object, known: object, path: Path) -> None:
    """Refuse a secrecy mark among what we give no meaning to: unknown fields, and raw values.

    Raises:
        DocumentError: E_STATE_SECRET.
    """
    if isinstance(given, dict):
        for name, child in given.items():
            there = known.get(name) if isinstance(known, dict) and name != "raw" else None
            _refuse_secrets(child, there, (*path, name))
    elif isinstance(given, list):
        there = known if isinstance(known, list) else [None] * len(given)
        for index, child in enumerate(given):
            _refuse_secrets(child, there[index], (*path, index))
    elif isinstance(given, str) and known is None:
        refuse_state_secret(given, field=".".join(map(str, path)))


def _misfit(members: Mapping[str, Value], path: Path, cause: Coded) -> AxisError:
    member, *inner = path
    value = members.get(str(member))
    place = locate(value, inner) if value else Place(line=1, column=1)
    place = place.model_copy(update={"field": ".".join(map(str, path))})
    return DocumentError.of("E_SCHEMA", place=place, cause=cause)
