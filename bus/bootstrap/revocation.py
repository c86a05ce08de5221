"""Revocation: the watch over revoked certificates, for whoever has workers under it."""

import secrets
from functools import partial

from bus.bootstrap.knowledge import Knowledge
from bus.bootstrap.process import now
from bus.keys.revocation_fetch import HttpRevocationFetcher
from bus.keys.revocation_store import FolderRevocationStore
from bus.ports import Observer
from bus.services.revocations import Revocations
from bus.settings import Settings

_NONCE_BYTES = 32
"""RFC 9654, 2.1."""


def revocations_for(settings: Settings, knowledge: Knowledge, *, observe: Observer) -> Revocations:
    """What tells the workers of a home, through what it knows, that a certificate was revoked."""
    return Revocations(
        fetcher=HttpRevocationFetcher(),
        store=FolderRevocationStore(knowledge.home.keys),
        every=settings.revocation_every,
        grace=settings.revocation_grace,
        nonce=partial(secrets.token_bytes, _NONCE_BYTES),
        clock=now,
        observe=observe,
        taken_up=knowledge.read_keys_anew,
    )
