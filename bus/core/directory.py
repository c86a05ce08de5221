"""Changes of the directory, and the history of its versions.

Each change returns the next version, checked by `directory_rules`.
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import AwareDatetime

from bus.core.directory_rows import Difference
from bus.core.directory_rules import check
from schemas.directory import Agency, AgencyAlias, AgencyKind, Confidence, Directory
from schemas.identifiers import AgencyCode, CodeScheme, is_agency_code, shown
from schemas.problem import AxisError
from schemas.value import Value

_NAMED_AT_MOST = 10


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


def add(directory: Directory, agency: Agency, aliases: Iterable[AgencyAlias] = ()) -> Directory:
    """Add an agency and its aliases. Raises `ConfigurationError` as `check`."""
    return _next(directory, (*directory.agencies, agency), (*directory.aliases, *aliases))


def edit(
    directory: Directory,
    code: str,
    changes: Mapping[str, object],
    *,
    also: Iterable[AgencyAlias] = (),
    no_more: Collection[str] = (),
) -> Directory:
    """Change one agency. Returns the same directory when nothing differs.

    Args:
        code: The agency's own code.
        changes: Field of `Agency` → new value.
        also: Aliases to add.
        no_more: Codes of aliases to remove.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN, or as `check`.
    """
    before = _agency(directory, code)
    after = before.model_copy(update=changes)
    stays = [a for a in directory.aliases if a.agency != code or a.code not in no_more]
    aliases = tuple(dict.fromkeys([*stays, *also]))
    if after == before and aliases == directory.aliases:
        return directory
    return _next(
        directory, (after if each is before else each for each in directory.agencies), aliases
    )


def remove(directory: Directory, codes: Collection[str]) -> Directory:
    """Remove agencies that were entered by mistake, with their aliases.

    Documents refer to agencies by code for ever, so an agency that has taken part must be retired
    instead.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN; E_AGENCY_IN_USE: another agency has it as its parent
            or successor; or as `check`.
    """
    for code in codes:
        _agency(directory, code)
        referring = [
            agency.code
            for agency in directory.agencies
            if agency.code not in codes and code in (agency.parent, agency.merged_into)
        ]
        if referring:
            names = ", ".join(referring[:_NAMED_AT_MOST])
            raise AxisError.of("E_AGENCY_IN_USE", code=shown(code), names=names)
    return _next(
        directory,
        (agency for agency in directory.agencies if agency.code not in codes),
        (alias for alias in directory.aliases if alias.agency not in codes),
    )


def retire(directory: Directory, code: str, *, into: str | None, on: date) -> Directory:
    """End an agency, with or without a successor.

    Args:
        code: The agency's own code.
        into: The successor's own code; documents to the agency then go there. None: no successor.
        on: The first day after the end of the agency.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN, for either agency; E_AGENCY_SUCCESSOR: the successor
            is not valid on this day; or as `check`.
    """
    if into is not None:
        successor = _agency(directory, into)
        ended = successor.valid_to is not None and successor.valid_to < on
        if ended or (successor.valid_from is not None and successor.valid_from > on):
            raise AxisError.of("E_AGENCY_SUCCESSOR", successor=into, date=on)
    changes = {"valid_to": on - timedelta(days=1), "merged_into": into}
    return edit(directory, code, changes)


def _agency(directory: Directory, code: str) -> Agency:
    found = next((agency for agency in directory.agencies if agency.code == code), None)
    if found is None:
        raise AxisError.of("E_AGENCY_UNKNOWN", code=shown(code))
    return found


def _next(
    directory: Directory, agencies: Iterable[Agency], aliases: Iterable[AgencyAlias]
) -> Directory:
    changed = Directory(
        version=directory.version + 1, agencies=tuple(agencies), aliases=tuple(aliases)
    )
    check(changed)
    return changed


def unserved(before: Directory, after: Directory) -> tuple[str, ...]:
    """The agencies whose mailboxes nobody would serve any more after a change."""
    now = {agency.code for agency in after.agencies if agency.connected}
    return tuple(
        agency.code
        for agency in before.agencies
        if agency.connected and agency.code not in now and is_agency_code(agency.code)
    )


def vouched(directory: Directory) -> Mapping[str, Collection[str]]:
    """Agency → the certificates that the directory names for it, where it names any."""
    return {each.code: each.certificates for each in directory.agencies if each.certificates}


def seed_directory(csv_text: str) -> Directory:
    """Read a seed list: every agency is connected, and its QCVN 102 code is an alias.

    Validity dates are not known, so they stay empty.

    Raises:
        ConfigurationError: As `check`: the list is inconsistent.
    """
    rows = list(csv.DictReader(csv_text.splitlines()))
    directory = Directory(
        agencies=tuple(
            Agency(
                code=AgencyCode(row["code"]),
                name_vi=row["name_vi"],
                name_en=row["name_en"],
                kind=AgencyKind(row["kind"]),
                connected=True,
                confidence=Confidence(row["confidence"]),
            )
            for row in rows
        ),
        aliases=tuple(
            AgencyAlias(
                code=row["code_qcvn102"],
                scheme=CodeScheme.QCVN_102,
                agency=AgencyCode(row["code"]),
            )
            for row in rows
        ),
    )
    check(directory)
    return directory
