"""Directory changes: each gives the next version, proven to be consistent.

What makes a directory consistent: `directory_rules`. Whom a code names: `routing`.
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from bus.core.directory_rules import check
from schemas.directory import Agency, AgencyAlias, AgencyKind, Confidence, Directory
from schemas.identifiers import AgencyCode, CodeScheme, is_agency_code, shown
from schemas.problem import AxisError

_NAMED_AT_MOST = 10


def add(directory: Directory, agency: Agency, aliases: Iterable[AgencyAlias] = ()) -> Directory:
    """The next version of a directory, with one more agency and its aliases.

    Raises:
        ConfigurationError: As `check`; the result would be inconsistent.
    """
    grown = Directory(
        version=directory.version + 1,
        agencies=(*directory.agencies, agency),
        aliases=(*directory.aliases, *aliases),
    )
    check(grown)
    return grown


def edit(
    directory: Directory,
    code: str,
    changes: Mapping[str, object],
    *,
    also: Iterable[AgencyAlias] = (),
    no_more: Collection[str] = (),
) -> Directory:
    """The next version, with other values of one agency; the same one when nothing differs.

    Args:
        directory: As it is.
        code: The agency's own.
        changes: Field of `Agency` → value.
        also: Aliases that it has beside.
        no_more: Codes that are no aliases of it any longer.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN; as `check`.
    """
    changed = _with(directory, code, **changes)
    stays = [a for a in changed.aliases if a.agency != code or a.code not in no_more]
    aliases = tuple(dict.fromkeys([*stays, *also]))
    if aliases != directory.aliases:
        update = {"version": directory.version + 1, "aliases": aliases}
        changed = changed.model_copy(update=update)
    check(changed)
    return changed


def remove(directory: Directory, codes: Collection[str]) -> Directory:
    """The next version, without these agencies and their aliases: for entries made by mistake.

    Documents know agencies by their codes for ever: one that took part is retired.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN; E_AGENCY_IN_USE: it is somebody's parent or successor;
            as `check`.
    """
    known = {agency.code for agency in directory.agencies}
    for code in codes:
        if code not in known:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=shown(code))
        referring = [
            agency.code
            for agency in directory.agencies
            if agency.code not in codes and code in (agency.parent, agency.merged_into)
        ]
        if referring:
            names = ", ".join(referring[:_NAMED_AT_MOST])
            raise AxisError.of("E_AGENCY_IN_USE", code=shown(code), names=names)
    left = directory.model_copy(
        update={
            "version": directory.version + 1,
            "agencies": tuple(a for a in directory.agencies if a.code not in codes),
            "aliases": tuple(a for a in directory.aliases if a.agency not in codes),
        }
    )
    check(left)
    return left


def retire(directory: Directory, code: str, *, into: str | None, on: date) -> Directory:
    """The next version, in which an agency ends, and perhaps another one takes over.

    Args:
        directory: As it is.
        code: The agency's own.
        into: The successor's own code; its codes lead there from then on. None: to nobody.
        on: The first day on which it is no more: its validity ends on the day before.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN, also of the successor; E_AGENCY_SUCCESSOR: that is not
            valid on this day; as `check`.
    """
    if into is not None:
        successor = next((a for a in directory.agencies if a.code == into), None)
        if successor is None:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=shown(into))
        ended = successor.valid_to is not None and successor.valid_to < on
        if ended or (successor.valid_from is not None and successor.valid_from > on):
            raise AxisError.of("E_AGENCY_SUCCESSOR", successor=into, date=on)
    changes = {"valid_to": on - timedelta(days=1), "merged_into": into}
    return edit(directory, code, changes)


def unserved(before: Directory, after: Directory) -> tuple[str, ...]:
    """Whose mailboxes would no longer be there; what they hold would be served by nobody."""
    now = {agency.code for agency in after.agencies if agency.connected}
    return tuple(
        agency.code
        for agency in before.agencies
        if agency.connected and agency.code not in now and is_agency_code(agency.code)
    )


def suspend(directory: Directory, code: str) -> Directory:
    """The next version, in which an agency may neither send nor be sent to.

    The same directory comes back when it is suspended already.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN; `code` must be the agency's own, not an alias.
    """
    return _with(directory, code, suspended=True)


def resume(directory: Directory, code: str) -> Directory:
    """The next version, in which an agency takes part again; the reverse of `suspend`.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN.
    """
    return _with(directory, code, suspended=False)


def seal(directory: Directory, code: str) -> Directory:
    """The next version, in which everything an agency's mailbox sends is sealed.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN.
    """
    return _with(directory, code, seals=True)


def unseal(directory: Directory, code: str) -> Directory:
    """The next version, in which that is left to each document; the reverse of `seal`.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN.
    """
    return _with(directory, code, seals=False)


def vouch(directory: Directory, code: str, certificates: Iterable[str]) -> Directory:
    """The next version, in which these certificates speak for an agency, and no others.

    The same directory comes back when nothing changes.

    Args:
        directory: As it is.
        code: The agency's own.
        certificates: Thumbprints; none: whichever are filed, again.

    Raises:
        ConfigurationError: E_AGENCY_UNKNOWN.
    """
    return _with(directory, code, certificates=tuple(sorted(certificates)))


def vouched(directory: Directory) -> Mapping[str, Collection[str]]:
    """Whose certificates the directory names, and which these are."""
    return {each.code: each.certificates for each in directory.agencies if each.certificates}


def seed_directory(csv_text: str) -> Directory:
    """Read the seed list: every body connected, its QCVN 102 code an alias (handbook 7.3).

    Validity dates stay empty: they are not known.

    Raises:
        ConfigurationError: As `check`; the list is inconsistent.
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


def _with(directory: Directory, code: str, **changes: object) -> Directory:
    agency = next((agency for agency in directory.agencies if agency.code == code), None)
    if agency is None:
        raise AxisError.of("E_AGENCY_UNKNOWN", code=shown(code))
    changed = agency.model_copy(update=changes)
    if changed == agency:
        return directory
    return directory.model_copy(
        update={
            "version": directory.version + 1,
            "agencies": tuple(
                changed if other is agency else other for other in directory.agencies
            ),
        }
    )
