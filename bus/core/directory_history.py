"""The history of the directory: who made which version, and how much it changed."""

from dataclasses import dataclass

from pydantic import AwareDatetime

from bus.core.directory_rows import Difference
from schemas.value import Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """Who makes a version, and with which command.

    Attributes:
        operator: A name that the machine or the operator gives; it is not signed.
        deed: The command, for example `add H24.05`.
    """

    operator: str = ""
    deed: str = ""


class Revision(Value):
    """A version that was in use here.

    Attributes:
        signed_at: When the directory authority signed it.
        operator: Empty: unknown, for example for a copy from another machine.
        deed: Empty: unknown.
        added: How many agencies the version before did not have; the others likewise.
    """

    version: int
    signed_at: AwareDatetime
    operator: str = ""
    deed: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0


def revision_of(
    version: int, signed_at: AwareDatetime, made: Author, difference: Difference
) -> Revision:
    """The entry of a version in the history."""
    return Revision(
        version=version,
        signed_at=signed_at,
        operator=made.operator,
        deed=made.deed,
        added=len(difference.added),
        changed=difference.agencies_changed,
        removed=len(difference.removed),
    )
