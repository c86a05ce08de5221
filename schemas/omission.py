"""Remove the fields of a message that a format cannot write.

A path is `subject`, `signer.position` or `to_agencies.email`; in a list it applies to every item.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from schemas.document import Document
from schemas.status import StatusReport

Message = Document | StatusReport


def without(message: Message, paths: Collection[str]) -> tuple[Message, tuple[str, ...]]:
    """A copy without the fields at these paths, and the paths that had a value, sorted.

    Raises `ValueError` for a required field.
    """
    if not paths:
        return message, ()
    data = content_of(message)
    lost = tuple(path for path in sorted(paths) if _removed(data, path.split(".")))
    return message.model_validate(data), lost


def content_of(message: Message) -> dict[str, Any]:
    """The content of a message as JSON, without defaults and empty groups."""
    data: dict[str, Any] = json.loads(message.to_json())
    _prune(data)
    return data


def _removed(data: object, path: Sequence[str]) -> bool:
    """Remove the value at a path; True if there was one."""
    match data:
        case list():
            return sum(_removed(item, path) for item in data) > 0
        case dict() if path[0] in data:
            name, *rest = path
            if not rest:
                del data[name]
                return True
            removed = _removed(data[name], rest)
            if data[name] == {}:
                del data[name]
            return removed
        case _:
            return False


def _prune(data: object) -> None:
    match data:
        case list():
            for item in data:
                _prune(item)
        case dict():
            for name, value in list(data.items()):
                _prune(value)
                if value == {}:
                    del data[name]
        case _:
            pass
