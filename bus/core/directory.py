"""Directory rules: what makes a snapshot consistent, and how it changes.

Finding an agency by a code is routing's job (`bus.core.routing`).
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from itertools import pairwise

from schemas.directory import Agency, AgencyAlias, AgencyKind, Confidence, Directory
from schemas.identifiers import AgencyCode, CodeScheme, scheme_of
from schemas.limits import MAX_AGENCIES
from schemas.problem import AxisError
from schemas.term import Coded, term

Names = Mapping[str, tuple[AgencyAlias, ...]]
"""Every code of a directory, with whom it names when; oldest first."""


def check(directory: Directory) -> Names:
    """Prove that a directory is consistent; return its codes, own codes and aliases alike.

    Raises:
        ConfigurationError: E_DIRECTORY names the entry: a code given twice, an unknown parent,
            successor or aliased agency, a circle of parents or successors, a validity that ends
            before it begins, or one code that names two agencies at the same time; or there are
            too many of them.
    """
    for many in (directory.agencies, directory.aliases):
        if len(many) > MAX_AGENCIES:
            raise _inconsistent(term("directory_large", limit=MAX_AGENCIES))
    agencies = _by_code(directory.agencies)
    _check_links(agencies, "parent", lambda agency: agency.parent)
    _check_links(agencies, "successor", lambda agency: agency.merged_into)
    for alias in directory.aliases:
        if alias.agency not in agencies:
            raise _inconsistent(term("alias_dangling", code=alias.code, owner=alias.agency))
    own = (
        AgencyAlias(
            code=agency.code,
            scheme=scheme_of(agency.code),
            agency=agency.code,
            valid_from=agency.valid_from,
            valid_to=agency.valid_to,
        )
        for agency in directory.agencies
    )
    return _names([*own, *directory.aliases])


def add(directory: Directory, agency: Agency, aliases: Iterable[AgencyAlias] = ()) -> Directory:
    """The next version of a directory, with one more agency and its aliases.

    Raises:
        ConfigurationError: E_DIRECTORY; the result would be inconsistent.
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
        ConfigurationError: E_DIRECTORY; the list is inconsistent.
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


def _by_code(agencies: Iterable[Agency]) -> dict[str, Agency]:
    found: dict[str, Agency] = {}
    for agency in agencies:
        if found.setdefault(agency.code, agency) is not agency:
            raise _inconsistent(term("code_twice", code=agency.code))
    return found


def _check_links(
    agencies: Mapping[str, Agency],
    role: str,
    follow: Callable[[Agency], AgencyCode | None],
) -> None:
    """Prove that a chain of agencies ends, from wherever it starts."""
    ending: set[str] = set()
    for start in agencies.values():
        chain: dict[str, None] = {}
        agency = start
        while agency.code not in ending:
            chain[agency.code] = None
            code = follow(agency)
            if code is None:
                break
            if code not in agencies:
                raise _inconsistent(term("link_dangling", role=role, code=code, owner=agency.code))
            if code in chain:
                raise _inconsistent(term("link_circle", role=role, code=code, owner=agency.code))
            agency = agencies[code]
        ending.update(chain)


def _names(aliases: Iterable[AgencyAlias]) -> Names:
    by_code: defaultdict[str, list[AgencyAlias]] = defaultdict(list)
    for alias in aliases:
        if _begin(alias) > _end(alias):
            raise _inconsistent(term("validity_reversed", code=alias.code, owner=alias.agency))
        by_code[alias.code].append(alias)
    for code, namings in by_code.items():
        namings.sort(key=_begin)
        for earlier, later in pairwise(namings):
            if _begin(later) <= _end(earlier):
                raise _inconsistent(
                    term("code_ambiguous", code=code, first=earlier.agency, second=later.agency)
                )
    return {code: tuple(namings) for code, namings in by_code.items()}


def _begin(alias: AgencyAlias) -> date:
    return alias.valid_from or date.min


def _end(alias: AgencyAlias) -> date:
    return alias.valid_to or date.max


def _inconsistent(cause: Coded) -> AxisError:
    return AxisError.of("E_DIRECTORY", cause=cause)
