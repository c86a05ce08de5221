"""Omission: a message without the fields that a format has no place for.

A path is `subject`, `signer.position` or `to_agencies.email`; in a list it means every item.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from schemas.document import Document
from schemas.status import StatusReport

Message = Document | StatusReport


def without(message: Message, paths: Collection[str]) -> tuple[Message, tuple[str, ...]]:
    """What is left of a message, and the paths at which something is lost, sorted.

    Raises `ValueError` for a path without which there is no message.
    """
    if not paths:
        return message, ()
    data = content_of(message)
    lost = tuple(path for path in sorted(paths) if _removed(data, path.split(".")))
    return message.model_validate(data), lost


def content_of(message: Message) -> dict[str, Any]:
    """All that a message says, as JSON: without defaults, and without groups that say nothing."""
    data: dict[str, Any] = json.loads(message.to_json())
    _prune(data)
    return data


def _removed(data: object, path: Sequence[str]) -> bool:
    """Remove what lies at a path; whether anything did."""
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
