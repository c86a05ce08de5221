"""Compatibility: what may not change in the wire contract within one major version.

Old readers meet new messages and new readers old ones, kept for years. So a field, once there,
stays exactly as it is; a new field must be optional. Even a wider value breaks an old reader.
"""

from collections.abc import Iterator, Mapping
from typing import Any

JsonObject = Mapping[str, Any]

_ANNOTATIONS = frozenset({"$id", "$schema", "description", "examples", "title"})
_NAMES = ("properties", "$defs")
"""Keywords whose members are names of our own; a newer minor version may add some."""
_CONSEQUENCES = ("fault", "retryable")


def breaking_changes(old: JsonObject, new: JsonObject) -> tuple[str, ...]:
    """Name every change between two JSON Schemas that another version could not bear.

    A default counts: fields that hold theirs are left out of messages, so a new default would
    change what old messages say. Titles and descriptions may change freely.
    """
    return tuple(_changes(old, new, "$"))


def breaking_codes(old: JsonObject, new: JsonObject) -> tuple[str, ...]:
    """Name every code of a catalogue that is gone or has another consequence.

    Codes travel in receipts and dead letters; their texts may be improved.
    """
    gone = [f"{code}: removed" for code in old if code not in new]
    changed = [
        f"{code}: {key} changed"
        for code, entry in old.items()
        for key in _CONSEQUENCES
        if code in new and entry.get(key) != new[code].get(key)
    ]
    return (*gone, *changed)


def _changes(old: JsonObject, new: JsonObject, path: str) -> Iterator[str]:
    for keyword in sorted((old.keys() | new.keys()) - {*_ANNOTATIONS, *_NAMES, "required"}):
        before, after = _bare(old.get(keyword)), _bare(new.get(keyword))
        if before != after:
            yield f"{path}: {keyword} was {before!r}, is {after!r}"
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    yield from (f"{path}.{name}: became required" for name in sorted(after - before))
    yield from (f"{path}.{name}: no longer required" for name in sorted(before - after))
    for keyword in _NAMES:
        members = new.get(keyword, {})
        for name, member in old.get(keyword, {}).items():
            if name in members:
                yield from _changes(member, members[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}: removed"


def _bare(node: Any) -> Any:
    """A part of a schema without its texts."""
    match node:
        case dict():
            return {key: _bare(value) for key, value in node.items() if key not in _ANNOTATIONS}
        case list():
            return [_bare(value) for value in node]
        case _:
            return node
