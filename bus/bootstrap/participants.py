"""Participants: builds what a process knows of the directory and the certificates of its home."""

import asyncio

from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now
from bus.core.routing import Routing
from bus.home.layout import Home
from bus.home.public_files import PublicFiles
from bus.ports import Observer
from bus.services.participants import Participants
from bus.services.register_sync import RegisterSync
from bus.settings import Settings
from bus.store.sql import Store
from schemas.identifiers import MailboxName


async def participants_of(
    settings: Settings,
    home: Home,
    store: Store,
    *,
    only: frozenset[MailboxName] | None,
    observe: Observer,
    is_hub: bool = True,
    warns: bool = False,
) -> Participants:
    """Read the directory and the certificates, after those of the other homes.

    Args:
        only: The mailboxes that may be served here; None: all of the directory.
        is_hub: Whether the database may be shared with other homes; an agency's own worker has its
            own.
        warns: Whether this process tells of certificates that end soon and of odd key files.

    Raises:
        ConfigurationError: The directory must not be believed, or a format of it is not installed.
    """
    sync = None
    if settings.database_url is not None and is_hub:
        sync = RegisterSync(
            register=store.register,
            files=PublicFiles(home.path),
            synced=home.path / "register.json",
        )
        await sync.look()

    def served(routing: Routing) -> tuple[MailboxName, ...]:
        return tuple(m for m in routing.mailboxes if only is None or m in only)

    participants = await asyncio.to_thread(
        Participants.read,
        home,
        directory_of(settings),
        served=served,
        observe=observe,
        clock=now,
        warns=warns,
    )
    participants.sync = sync
    return participants
