"""Directory changes: each gives the next version, proven to be consistent.

What makes a directory consistent: `directory_rules`. Whom a code names: `routing`.
"""

import csv
from collections.abc import Collection, Iterable, Mapping

from bus.core.directory_rules import check
from schemas.directory import Agency, AgencyAlias, AgencyKind, Confidence, Directory
from schemas.identifiers import AgencyCode, CodeScheme
from schemas.problem import AxisError


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
        raise AxisError.of("E_AGENCY_UNKNOWN", code=code)
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
