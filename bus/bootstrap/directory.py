"""Directory: the signed directory of a home, and who may sign it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from adapters.registry import require_endpoint, require_format
from bus.bootstrap.process import now
from bus.core.directory import unserved
from bus.core.directory_history import Made
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
    """The directory of this home. Nothing is read before it is asked for."""
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
    made: Made,
    force: bool = False,
) -> tuple[Directory, Directory]:
    """Sign and write the next version of the directory; before and after are told.

    The same version twice says that there was nothing to change, and nothing is written.

    Args:
        change: Gives the next version, or what it was given.
        made: Who changes it, for the history.
        force: Also when a mailbox would no longer be served.

    Raises:
        ConfigurationError: What `change` raises; as `DirectoryFile.load` and `save`; E_SETTING: a
            mailbox would need a format that is not installed. E_DIRECTORY_UNSERVED.
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
    """An older version that can be the newest.

    Attributes:
        content: What it says.
        before: The directory as it is; None where it is refused.
        refusal: Why.
        difference: From what is there, as far as it can be read, to the content.
    """

    version: int
    content: Directory
    before: Directory | None
    refusal: Problem | None
    difference: Difference


def restoration_of(settings: Settings, version: int | None) -> Restoration:
    """What restoring a version would do; nothing is written.

    Args:
        version: None: the newest that is good and differs from what is there.

    Raises:
        ConfigurationError: E_DIRECTORY_VERSION: there is no such version; as `version` of
            `DirectoryFile`.
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
    settings: Settings, restoration: Restoration, *, made: Made, force: bool = False
) -> Directory:
    """Sign an older content as the newest version; the directory from now on.

    Raises:
        ConfigurationError: As `change_directory`; E_DIRECTORY_CHANGED: it is not as it was when
            the restoration was looked at.
    """
    file = directory_of(settings)
    with file.held():
        before, _ = _as_it_is(file)
        if before != restoration.before:
            raise AxisError.of("E_DIRECTORY_CHANGED", version=before.version if before else 0)
        _must_serve(before or Directory(), restoration.content, force=force)
        return file.restore(restoration.content, made, before=before)


def _as_it_is(file: DirectoryFile) -> tuple[Directory | None, Problem | None]:
    """The directory where readers take it; else why not."""
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
