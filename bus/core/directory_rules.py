"""The rules of a consistent directory, for everybody who reads or changes one."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import pairwise

from bus.core.topology import shared
from schemas.directory import Agency, AgencyAlias, Directory
from schemas.identifiers import (
    MAX_CODE_LENGTH,
    AgencyCode,
    MailboxName,
    has_unseen,
    is_agency_code,
    scheme_of,
    shown,
)
from schemas.limits import MAX_AGENCIES, MAX_AGENCY_NAME_CHARS
from schemas.problem import ConfigurationError, Place, Problem

Names = Mapping[str, tuple[AgencyAlias, ...]]
"""Every code of a directory → the agencies that it names and when, oldest first."""


def check(directory: Directory) -> Names:
    """Check that a directory is consistent; return its codes, both own codes and aliases.

    Raises:
        ConfigurationError: The first of the `faults`.
    """
    for problem in faults(directory):
        raise ConfigurationError(problem)
    names: defaultdict[str, list[AgencyAlias]] = defaultdict(list)
    for naming in _namings(directory):
        names[naming.code].append(naming)
    return {code: tuple(sorted(each, key=_begin)) for code, each in names.items()}


def faults(directory: Directory) -> Iterator[Problem]:
    """Find everything that is wrong with a directory.

    Each problem names the agency as `code` and the field as its place: an invalid or repeated code,
    an unknown parent, successor or aliased agency, a circle of parents or successors, a validity
    that ends before it begins, a code that names two agencies at the same time, or two mailboxes
    with the same queues. Too many entries are a problem of the whole directory.
    """
    if max(len(directory.agencies), len(directory.aliases)) > MAX_AGENCIES:
        yield Problem(code="E_DIRECTORY_SIZE", params={"limit": str(MAX_AGENCIES)})
        return
    agencies: dict[str, Agency] = {}
    for agency in directory.agencies:
        if not is_agency_code(agency.code):
            yield _problem("E_DIRECTORY_CODE", "code", code=shown(agency.code))
        elif agencies.setdefault(agency.code, agency) is not agency:
            yield _problem("E_DIRECTORY_TWICE", "code", code=agency.code)
    mailboxes = [MailboxName(agency.code) for agency in agencies.values() if agency.connected]
    for mailbox, other in shared(mailboxes):
        yield _problem("E_DIRECTORY_MAILBOX", "code", code=mailbox, other=other)
    yield from _broken_links(agencies, "parent", "E_DIRECTORY_PARENT", lambda a: a.parent)
    yield from _broken_links(
        agencies, "merged_into", "E_DIRECTORY_SUCCESSOR", lambda a: a.merged_into
    )
    yield from _wrong_aliases(directory.aliases, agencies)
    yield from _ambiguous(_namings(directory))


def own_code(code: str) -> AgencyCode:
    """Check an agency's own code. Raises `ConfigurationError` E_DIRECTORY_CODE."""
    if not is_agency_code(code):
        raise ConfigurationError(_problem("E_DIRECTORY_CODE", "code", code=shown(code)))
    return AgencyCode(code)


def alias_of(agency: AgencyCode, code: str, **validity: date | None) -> AgencyAlias:
    """Make an alias of an agency. Raises `ConfigurationError` E_DIRECTORY_ALIAS."""
    if not _may_be_alias(code):
        told = {"alias": shown(code), "code": agency}
        raise ConfigurationError(_problem("E_DIRECTORY_ALIAS", "aliases", **told))
    return AgencyAlias(code=code, scheme=scheme_of(code), agency=agency, **validity)


def clean_name(name: str, *, code: str) -> str:
    """A name as it is stored: in NFC, on one line. Raises `ConfigurationError` E_DIRECTORY_NAME."""
    cleaned = " ".join(unicodedata.normalize("NFC", name).split())
    if not cleaned or len(cleaned) > MAX_AGENCY_NAME_CHARS or has_unseen(cleaned):
        raise ConfigurationError(
            _problem("E_DIRECTORY_NAME", "name", code=shown(code), limit=MAX_AGENCY_NAME_CHARS)
        )
    return cleaned


def _problem(entry: str, field: str, /, **params: object) -> Problem:
    told = {name: str(value) for name, value in params.items()}
    return Problem(code=entry, place=Place(field=field), params=told)


def _broken_links(
    agencies: Mapping[str, Agency],
    field: str,
    unknown: str,
    follow: Callable[[Agency], AgencyCode | None],
) -> Iterator[Problem]:
    """The links that name an unknown agency or form a circle."""
    seen: set[str] = set()
    for start in agencies.values():
        chain: dict[str, None] = {}
        agency = start
        while agency.code not in seen:
            chain[agency.code] = None
            code = follow(agency)
            if code is None:
                break
            if code not in agencies:
                yield _problem(unknown, field, code=agency.code, other=shown(code))
                break
            if code in chain:
                yield _problem(f"{unknown}_CIRCLE", field, code=code, other=agency.code)
                break
            agency = agencies[code]
        seen.update(chain)


def _wrong_aliases(
    aliases: Iterable[AgencyAlias], agencies: Mapping[str, Agency]
) -> Iterator[Problem]:
    for alias in aliases:
        told = {"alias": shown(alias.code), "code": shown(alias.agency)}
        if alias.agency not in agencies:
            yield _problem("E_DIRECTORY_ALIAS_OWNER", "aliases", **told)
        if not _may_be_alias(alias.code):
            yield _problem("E_DIRECTORY_ALIAS", "aliases", **told)


def _may_be_alias(code: str) -> bool:
    return (
        0 < len(code) <= MAX_CODE_LENGTH
        and code == code.strip() == unicodedata.normalize("NFC", code)
        and not has_unseen(code)
    )


def _ambiguous(namings: Iterable[AgencyAlias]) -> Iterator[Problem]:
    by_code: defaultdict[str, list[AgencyAlias]] = defaultdict(list)
    for naming in namings:
        if _begin(naming) > _end(naming):
            yield _problem(
                "E_DIRECTORY_PERIOD", "valid_to", alias=shown(naming.code), code=naming.agency
            )
        by_code[naming.code].append(naming)
    for code, of_code in by_code.items():
        of_code.sort(key=_begin)
        for earlier, later in pairwise(of_code):
            if _begin(later) <= _end(earlier):
                yield _problem(
                    "E_DIRECTORY_AMBIGUOUS",
                    "aliases",
                    alias=shown(code),
                    code=later.agency,
                    other=earlier.agency,
                )


def _namings(directory: Directory) -> Iterator[AgencyAlias]:
    for agency in directory.agencies:
        yield AgencyAlias(
            code=agency.code,
            scheme=scheme_of(agency.code),
            agency=agency.code,
            valid_from=agency.valid_from,
            valid_to=agency.valid_to,
        )
    yield from directory.aliases


def _begin(alias: AgencyAlias) -> date:
    return alias.valid_from or date.min


def _end(alias: AgencyAlias) -> date:
    return alias.valid_to or date.max
