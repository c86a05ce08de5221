"""RegisterSync: decides how the files of a home and the register are made the same again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from pydantic import Field

from schemas.value import Value


class Synced(Value):
    """What a home and the register had in common when they were compared last.

    Attributes:
        version: Of the register.
        files: The SHA-256 of each file, in hex, by name.
    """

    version: int = 0
    files: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What is to be done.

    Attributes:
        write: Files of the home to write, by name; None: to remove.
        put: Entries of the register to change, likewise.
        synced: What both have in common afterwards, if the register takes `put`.
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

    Where both have changed, the register wins: what is in it is known to other homes already, and
    the change of this home was not.

    Args:
        home: The files of the home as they are now.
        newer: The entries of the register that came after `before.version`.
        version: The version of the register now. One that is older than `before.version` is
            another register, or one that was restored: nothing is in common with it.
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
    """The SHA-256 of a file in hex; None of none."""
    return None if body is None else sha256(body).hexdigest()
