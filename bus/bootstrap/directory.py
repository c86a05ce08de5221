"""Directory: the signed directory of a home, and who may sign it."""

import sys
from collections.abc import Callable

import structlog

from adapters.registry import require_format
from bus.bootstrap.process import now
from bus.core.directory_seal import DirectoryTrust
from bus.keys.directory_authority import directory_folder, open_directory_trust
from bus.settings import Settings
from bus.store.home import Home
from bus.store.snapshot import DirectoryFile
from schemas.directory import Directory

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
    settings: Settings, change: Callable[[Directory], Directory]
) -> tuple[Directory, Directory]:
    """Sign and write the next version of the directory; before and after are told.

    The same version twice says that there was nothing to change, and nothing is written.

    Args:
        change: Gives the next version, or what it was given.

    Raises:
        ConfigurationError: What `change` raises; as `DirectoryFile.load` and `save`; E_SETTING: a
            mailbox would need a format that is not installed.
    """
    file = directory_of(settings)
    with file.held():
        before = file.load()
        after = change(before)
        if after.version != before.version:
            for name in sorted(_formats(after) - _formats(before)):
                require_format(name)
            file.save(after)
    return before, after


def _formats(directory: Directory) -> set[str]:
    return {agency.format for agency in directory.agencies if agency.connected}


def _tell_of_upgrade(directory: Directory) -> None:
    if structlog.is_configured():
        _log.warning("directory_signed", version=directory.version, was="unsigned")
    else:
        sys.stderr.write(f"directory version {directory.version} was unsigned: it is signed now\n")
