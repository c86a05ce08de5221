"""Fields: make a canonical message of parsed JSON; errors name the path of the wrong field."""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from adapters.contract import Limits, Message
from adapters.formats.canonical_json.normal_form import in_normal_form
from adapters.formats.canonical_json.stream import Value, loads, locate
from adapters.formats.canonical_json.writer import CHECK, DOCUMENT, STATUS, VERSION
from adapters.formats.findings import Findings, refuse_state_secret
from adapters.formats.text import BLANKS, fault_in
from schemas.document import Document
from schemas.limits import MAX_LIST_ITEMS
from schemas.problem import AxisError, DocumentError, Place
from schemas.status import StatusReport
from schemas.term import Coded, term
from schemas.validation import finding_term

Path = tuple[str | int, ...]

_ORGAN_IDS = frozenset({"organ_id", "organ_ids", "to_organ_id"})

_KINDS: dict[object, tuple[str, type[Document | StatusReport]]] = {
    DOCUMENT: ("document", Document),
    STATUS: ("status", StatusReport),
}


def read_message(members: Mapping[str, Value], findings: Findings) -> Message:
    """Build the message from all members of a file but `contents`.

    Texts are trimmed, and empty ones count as absent. Unknown fields become warnings.

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
    tidied = _tidy(parsed[name], (name,), members, findings.limits)
    try:
        message = model.model_validate_json(json.dumps(tidied), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _misfit(members, (name, *first["loc"]), finding_term(first)) from error
    known_fields = message.model_dump(mode="json", exclude_unset=True)
    unknown = _unknown(tidied, known_fields, (name,))
    unknown += sorted(parsed.keys() - {"format", "version", CHECK, name})
    _refuse_secrets(tidied, known_fields, (name,))
    for member in sorted(parsed.keys() - {"format", "version", CHECK, name}):
        _refuse_secrets(parsed[member], None, (member,))
    for path in unknown:
        findings.warn("W_UNKNOWN_ELEMENT", field=path, element=path)
    try:
        findings.refuse_much_raw(message.raw, field=f"{name}.raw")
        return in_normal_form(message, findings, name)
    except DocumentError as error:
        field = error.problem.place.field or name
        steps = tuple(int(step) if step.isdigit() else step for step in field.split("."))
        place = _place(members, steps)
        raise DocumentError(error.problem.model_copy(update={"place": place})) from error


def _tidy(node: object, path: Path, members: Mapping[str, Value], limits: Limits) -> object:
    """Trim texts and drop empty values, at any depth; refuse text that packets cannot contain."""
    if isinstance(node, str):
        if cause := fault_in(node):
            raise _misfit(members, path, cause)
        text = node.strip(BLANKS)
        # As in a packet, where this word stands for an absent value.
        if text.casefold() == "null" and path[-1] in _ORGAN_IDS:
            return None
        if len(text.encode()) > limits.max_text_bytes:
            raise _over(members, path, term("element_text"), limits.max_text_bytes)
        return text or None
    if isinstance(node, dict):
        tidied = {}
        for name, child in node.items():
            if cause := fault_in(name):
                raise _misfit(members, path, cause)
            tidied[name] = _tidy(child, (*path, name), members, limits)
        return {name: child for name, child in tidied.items() if child is not None}
    if isinstance(node, list):
        if len(node) > MAX_LIST_ITEMS:
            raise _over(members, path, term("items"), MAX_LIST_ITEMS)
        # For a code in a list, the path ends with the name of the list.
        ids = path[-1] in _ORGAN_IDS
        found = (
            _tidy(child, path if ids else (*path, index), members, limits)
            for index, child in enumerate(node)
        )
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
    """Refuse a mark of State secrecy in unknown fields and raw values.

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
    return DocumentError.of("E_SCHEMA", place=_place(members, path), cause=cause)


def _over(members: Mapping[str, Value], path: Path, what: Coded, limit: int) -> AxisError:
    return DocumentError.of("E_LIMIT", place=_place(members, path), what=what, limit=limit)


def _place(members: Mapping[str, Value], path: Path) -> Place:
    member, *inner = path
    value = members.get(str(member))
    place = locate(value, inner) if value else Place(line=1, column=1)
    return place.model_copy(update={"field": ".".join(map(str, path))})
