"""Find changes that the wire contract does not allow within one major version.

Old software reads new messages, and new software reads stored old messages. So a field must never
change, and a new field must be optional. Even a wider range of values breaks old software.
"""

from collections.abc import Iterator, Mapping
from typing import Any

JsonObject = Mapping[str, Any]

_ANNOTATIONS = frozenset({"$id", "$schema", "description", "examples", "title"})
_NAMES = ("properties", "$defs")
"""Keywords whose members are our names; a newer minor version may add some."""
_CONSEQUENCES = ("fault", "retryable")


def breaking_changes(old: JsonObject, new: JsonObject) -> tuple[str, ...]:
    """List the changes between two JSON Schemas that break another version.

    A changed default is one of them, because messages omit fields that have their default. Titles
    and descriptions may change.
    """
    return tuple(_changes(old, new, "$"))


def breaking_codes(old: JsonObject, new: JsonObject) -> tuple[str, ...]:
    """List the codes of a catalogue that are missing or have another consequence.

    Receipts and dead letters contain codes. Texts may change.
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
    """A part of a schema without descriptions."""
    match node:
        case dict():
            return {key: _bare(value) for key, value in node.items() if key not in _ANNOTATIONS}
        case list():
            return [_bare(value) for value in node]
        case _:
            return node
