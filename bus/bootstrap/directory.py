"""Directory: the signed directory of a home, and who may sign it."""

import sys

import structlog

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


def _tell_of_upgrade(directory: Directory) -> None:
    if structlog.is_configured():
        _log.warning("directory_signed", version=directory.version, was="unsigned")
    else:
        sys.stderr.write(f"directory version {directory.version} was unsigned: it is signed now\n")
