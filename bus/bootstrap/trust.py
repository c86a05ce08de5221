"""Trust: builds what a process knows of the directory, the certificates and their revocation."""

import asyncio
import secrets
from functools import partial

from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now
from bus.core.routing import Routing
from bus.home.layout import Home
from bus.home.public_files import PublicFiles
from bus.keys.revocation_fetch import HttpRevocationFetcher
from bus.keys.revocation_store import FolderRevocationStore
from bus.ports import Observer
from bus.services.participants import Participants
from bus.services.register_sync import RegisterSync
from bus.services.revocations import Revocations
from bus.settings import Settings
from bus.store.sql import Store
from schemas.identifiers import MailboxName

_NONCE_BYTES = 32
"""RFC 9654, 2.1."""


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
    """Read the directory and the certificates, first those of the other homes.

    Args:
        only: The mailboxes that may be served here; None: all of the directory.
        is_hub: Whether the database may be shared with other homes; an agency's own worker has a
            database of its own.
        warns: Whether this process reports ignored key files and certificates that expire soon.

    Raises:
        ConfigurationError: The directory cannot be trusted, or a format in it is not installed.
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


def revocations_for(settings: Settings, home: Home, *, observe: Observer) -> Revocations:
    """The service that asks for revocations; every process that checks signatures reads them."""
    return Revocations(
        fetcher=HttpRevocationFetcher(),
        store=FolderRevocationStore(home.keys),
        every=settings.revocation_every,
        grace=settings.revocation_grace,
        nonce=partial(secrets.token_bytes, _NONCE_BYTES),
        clock=now,
        observe=observe,
    )
