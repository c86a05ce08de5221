"""DeadLetterStore: the dead letters of a home and the journal, for an operator.

Apart from `dead_letters`, because a command that reads them needs no driver of the broker.
"""

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bus.ports import DeadLetters, Journal
from bus.settings import Settings
from bus.store.sql import open_dead_letters, open_journal
from schemas.problem import AxisError
from schemas.term import of_os


@asynccontextmanager
async def reached_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """The dead letters of this home, for an operator; the axis may run or not.

    Raises:
        ConfigurationError: E_PATH, the file of the store may not be written by who asks.
        TransportError: E_STORE_AWAY.
    """
    _must_be_writable(settings)
    async with open_dead_letters(settings.failures_url, limits=settings.bulk_limits) as letters:
        yield letters


@asynccontextmanager
async def reached_journal(settings: Settings) -> AsyncIterator[Journal]:
    """The journal of this home; a home that is being set up gets one.

    Raises:
        ConfigurationError: E_PATH, its file may not be written by who asks.
        TransportError: E_STORE_AWAY.
    """
    if settings.failures_file is not None:
        settings.failures_file.parent.mkdir(parents=True, exist_ok=True)
    _must_be_writable(settings)
    async with open_journal(settings.failures_url) as journal:
        yield journal


def _must_be_writable(settings: Settings) -> None:
    """Waiting helps against a store that is away, and not against one that is not ours."""
    file = settings.failures_file
    if file is None:
        return
    for path in (file, file.parent):
        if path.exists() and not os.access(path, os.W_OK):
            cause = of_os(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
            raise AxisError.of("E_PATH", path=path, cause=cause)
