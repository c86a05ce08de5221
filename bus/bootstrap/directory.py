"""Directory: opens the signed directory of a home, and changes or restores it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from adapters.registry import require_endpoint, require_format
from bus.bootstrap.process import now
from bus.core.directory import Author, unserved
from bus.core.directory_proof import DirectoryTrust
from bus.core.directory_rows import Difference, difference
from bus.core.directory_rules import check
from bus.home.directory_file import DirectoryFile
from bus.home.layout import Home
from bus.keys.directory_authority import directory_folder, open_directory_trust
from bus.settings import Settings
from schemas.directory import Directory
from schemas.problem import AxisError, ConfigurationError, Problem

_NAMED_AT_MOST = 10

_log = structlog.get_logger()


def directory_of(settings: Settings) -> DirectoryFile:
    """The directory of this home; nothing is read yet."""
    home = Home(settings.home.absolute())

    def trust() -> DirectoryTrust:
        return open_directory_trust(home.keys, now=now(), access=settings.key_access)

    return DirectoryFile(
        home.directory,
        trust=trust,
        trusted=directory_folder(home.keys),
        clock=now,
        upgraded=_tell_of_upgrade,
    )


def change_directory(
    settings: Settings,
    change: Callable[[Directory], Directory],
    *,
    made: Author,
    force: bool = False,
) -> tuple[Directory, Directory]:
    """Sign and write the next version of the directory; returns the one before and the new one.

    If both have the same version, nothing had to be changed and nothing was written.

    Args:
        change: Makes the next version, or returns its argument.
        made: Who changes it, for the history.
        force: Also if a mailbox would no longer be served.

    Raises:
        ConfigurationError: As `change`, `DirectoryFile.load` and `save`. E_SETTING: a format or
            endpoint is not installed. E_DIRECTORY_UNSERVED: a mailbox would no longer be served.
    """
    file = directory_of(settings)
    with file.held():
        before = file.load()
        after = change(before)
        if after.version != before.version:
            _must_serve(before, after, force=force)
            file.save(after, made, before=before)
    return before, after


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoration:
    """An older version that can become the newest.

    Attributes:
        content: Of the older version.
        before: The directory as it is; None if it cannot be trusted.
        refusal: Why it cannot be trusted.
        difference: From the directory as it is, or from an empty one, to the content.
    """

    version: int
    content: Directory
    before: Directory | None
    refusal: Problem | None
    difference: Difference


def restoration_of(settings: Settings, version: int | None) -> Restoration:
    """What the restoration of a version would change; nothing is written.

    Args:
        version: None: the newest valid version that differs from the directory as it is.

    Raises:
        ConfigurationError: As `DirectoryFile.version`. E_DIRECTORY_VERSION: no such version exists.
    """
    file = directory_of(settings)
    before, refusal = _as_it_is(file)
    versions = [version] if version is not None else [r.version for r in file.history()]
    for each in versions:
        try:
            content = file.version(each)
        except ConfigurationError:
            if version is not None:
                raise
            continue
        found = difference(before or Directory(), content)
        if version is not None or found or refusal is not None:
            return Restoration(
                version=each, content=content, before=before, refusal=refusal, difference=found
            )
    raise AxisError.of("E_DIRECTORY_VERSION", version=version or 1)


def restore_directory(
    settings: Settings, restoration: Restoration, *, made: Author, force: bool = False
) -> Directory:
    """Sign an older content as the newest version, and return it.

    Raises:
        ConfigurationError: As `change_directory`. E_DIRECTORY_CHANGED: the directory has changed
            since the restoration was computed.
    """
    file = directory_of(settings)
    with file.held():
        before, _ = _as_it_is(file)
        if before != restoration.before:
            raise AxisError.of("E_DIRECTORY_CHANGED", version=before.version if before else 0)
        _must_serve(before or Directory(), restoration.content, force=force)
        return file.restore(restoration.content, made, before=before)


def _as_it_is(file: DirectoryFile) -> tuple[Directory | None, Problem | None]:
    """The directory if readers trust it, or the reason why they do not."""
    try:
        found = file.load()
        check(found)
    except ConfigurationError as error:
        return None, error.problem
    return found, None


def _must_serve(before: Directory, after: Directory, *, force: bool) -> None:
    for name in sorted(_formats(after) - _formats(before)):
        require_format(name)
    for name in sorted(_endpoints(after) - _endpoints(before)):
        require_endpoint(name)
    if not force and (mailboxes := unserved(before, after)):
        raise AxisError.of("E_DIRECTORY_UNSERVED", names=", ".join(mailboxes[:_NAMED_AT_MOST]))


def _formats(directory: Directory) -> set[str]:
    return {agency.format for agency in directory.agencies if agency.connected}


def _endpoints(directory: Directory) -> set[str]:
    return {agency.endpoint for agency in directory.agencies if agency.connected}


def _tell_of_upgrade(directory: Directory) -> None:
    if structlog.is_configured():
        _log.warning("directory_signed", version=directory.version, was="unsigned")
    else:
        sys.stderr.write(f"directory version {directory.version} was unsigned: it is signed now\n")
