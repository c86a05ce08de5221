"""DirectoryHistory: what is remembered of a version of the directory beside its content."""

from dataclasses import dataclass

from pydantic import AwareDatetime

from bus.core.directory_rows import Difference
from schemas.value import Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """Who makes a version, and by what.

    Attributes:
        operator: A name, as the machine or the operator says; nobody signed it.
        deed: The command, for example `add H24.05`.
    """

    operator: str = ""
    deed: str = ""


class Revision(Value):
    """A version that was here.

    Attributes:
        signed_at: By the directory authority.
        operator: Empty: not known, as of a copy from elsewhere.
        deed: Empty: not known.
        added: Agencies that the version before did not have; and so on.
    """

    version: int
    signed_at: AwareDatetime
    operator: str = ""
    deed: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0


def revision_of(
    version: int, signed_at: AwareDatetime, made: Made, difference: Difference
) -> Revision:
    """What is remembered of a version."""
    return Revision(
        version=version,
        signed_at=signed_at,
        operator=made.operator,
        deed=made.deed,
        added=len(difference.added),
        changed=difference.agencies_changed,
        removed=len(difference.removed),
    )
