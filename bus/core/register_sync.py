"""Decide how the files of a home and the register are made equal again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from pydantic import Field

from schemas.value import Value


class Synced(Value):
    """The common state of a home and the register: version, and file name → SHA-256 in hex."""

    version: int = 0
    files: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What must be done.

    Attributes:
        write: Name → new content of a file of the home; None: remove the file.
        put: The same for the entries of the register.
        synced: The common state afterwards, if the register accepts `put`.
    """

    write: Mapping[str, bytes | None]
    put: Mapping[str, bytes | None]
    synced: Synced


def compare(
    before: Synced,
    *,
    home: Mapping[str, bytes],
    newer: Iterable[tuple[str, bytes | None]],
    version: int,
) -> Outcome:
    """Decide what is written to the home and what to the register.

    Where both have changed, the register takes precedence, because other homes already have its
    content.

    Args:
        home: The files of the home now.
        newer: The entries of the register after `before.version`.
        version: The version of the register now. If it is lower than `before.version`, the register
            was replaced or restored, and nothing is in common.
    """
    if version < before.version:
        before = Synced()
    arrived = dict(newer)
    changed = {
        name: home.get(name)
        for name in home.keys() | before.files.keys()
        if name not in arrived and digest(home.get(name)) != before.files.get(name)
    }
    write = {name: body for name, body in arrived.items() if home.get(name) != body}
    after = {**home, **write}
    return Outcome(
        write=write,
        put=changed,
        synced=Synced(
            version=version + bool(changed),
            files={n: sha256(body).hexdigest() for n, body in after.items() if body is not None},
        ),
    )


def digest(body: bytes | None) -> str | None:
    """The SHA-256 of a file in hex; None when there is no file."""
    return None if body is None else sha256(body).hexdigest()
