"""The files with the sealing keys of a home.

    <folder>/agencies/<code>/sealing/*.json      a published key with its owner's signature
    <folder>/agencies/<code>/sealing/*.key       its private key, only where this home opens with it
    <folder>/agencies/<code>/sealing/ids.secret  the secret for the ids of its sealed documents

A mailbox may have several keys. Senders use the strongest and newest one; all of them open.
"""

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from bus.core.base64url import from_base64url, to_base64url
from bus.core.keyring import KeyRing
from bus.core.sealing.key import PrivateSealingKey, key_id_of, opening_key, prove, publish, state
from bus.core.sealing.suite import SealingSuite
from bus.core.signing import SigningKey
from bus.keys.files import (
    key_errors,
    read_regular,
    read_secret_file,
    sync_keys,
    unusable,
    write_file,
)
from bus.keys.folder import SEALING, KeyFolder
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, Problem
from schemas.sealing import Base64url, SealingKey, SignedSealingKey
from schemas.term import term
from schemas.value import Value

_LIFE = timedelta(days=365)
_RENEWED_AHEAD = timedelta(days=30)
# So that a new key is valid for a sender whose clock is slow.
_BACKDATED = timedelta(hours=1)
_SECRET_BYTES = 32
_MOST_STATEMENT_BYTES = 64 * 1024

SigningKeyOf = Callable[[MailboxName], SigningKey]
"""The key with which an owner signs now. Raises `AxisError` if it cannot be used."""


class _Kept(Value):
    """The content of the file of a private key."""

    owner: MailboxName
    suite: SealingSuite
    private_key: Base64url
    not_before: AwareDatetime
    not_after: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SealingRow:
    """One line of `lienthong keys seal-show`.

    Attributes:
        key: The published key; None if it cannot be read.
        has_private_key: Whether this home can open documents that are sealed to this key.
        problem: Why nobody can seal to this key; None: everybody can.
    """

    owner: MailboxName
    file: str
    key: SealingKey | None
    key_id: str | None
    has_private_key: bool
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class SealingFolder:
    """The sealing keys of a home. Every method may raise `ConfigurationError` E_KEYS.

    Every call reads the files again, so new keys are used at once.
    """

    root: Path

    def published(self, mailbox: MailboxName) -> tuple[SignedSealingKey, ...]:
        """The published keys of a mailbox, not verified."""
        found = [_published(path, mailbox) for path in self._files(mailbox, "*.json")]
        return tuple(each for each in found if each is not None)

    def private(self, mailbox: MailboxName) -> tuple[PrivateSealingKey, ...]:
        """The private keys of a mailbox that are here, including the old ones."""
        return tuple(_private(path, mailbox) for path in self._files(mailbox, "*.key"))

    def secret(self, mailbox: MailboxName) -> bytes:
        """The secret for the ids of a mailbox's sealed documents."""
        path = self._secret(mailbox)
        return from_base64url(read_secret_file(path, agency=mailbox).decode().strip())

    def ensure(
        self, owners: Iterable[MailboxName], *, signing: SigningKeyOf, now: datetime
    ) -> None:
        """Make a key pair for each owner that signs here and has none for another 30 days.

        Owners whose signing keys are on other machines make their pairs there. An owner that cannot
        sign now gets no pair now.
        """
        folder = KeyFolder(self.root)
        with folder.locked():
            for owner in owners:
                if any(filed.has_private_key for filed in folder.filed_under(owner)):
                    self._ensure(owner, signing=signing, now=now)

    def rotate(
        self, owner: MailboxName, *, suite: SealingSuite, signing: SigningKeyOf, now: datetime
    ) -> str:
        """Make another key pair and return its id; the old ones stay."""
        with KeyFolder(self.root).locked():
            key = signing(owner)
            self._ensure_secret(owner)
            return self._make(owner, suite=suite, signing=key, now=now)

    def copy_to(self, mailbox: MailboxName, folder: Path, *, move: bool) -> None:
        """Copy all public keys, and the private keys of a mailbox, to the home of its worker.

        Args:
            folder: The key folder of that home. Files that exist there stay.
            move: Delete the private keys here.
        """
        there = SealingFolder(folder)
        for owner in KeyFolder(self.root).owners():
            for path in self._files(owner, "*.json"):
                there.copy_from(owner, path, mode=0o644)
        for path in (*self._files(mailbox, "*.key"), *self._files(mailbox, "*.secret")):
            there.copy_from(mailbox, path, mode=0o600)
            if move:
                with key_errors(path, agency=mailbox):
                    path.unlink()

    def copy_from(self, owner: MailboxName, path: Path, *, mode: int) -> None:
        """Copy a file of another home into this one, unless a file of that name exists."""
        target = self.folder_of(owner) / path.name
        with key_errors(target, agency=owner):
            if target.exists():
                return
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            data = path.read_bytes()
        write_file(target, data, mode=mode, agency=owner)
        sync_keys(target.parent, agency=owner)

    def describe(self, ring: KeyRing, *, now: datetime) -> tuple[SealingRow, ...]:
        """A row for every published key, including those that cannot be used."""
        return tuple(
            _row(path, owner, ring, now=now)
            for owner in KeyFolder(self.root).owners()
            for path in self._files(owner, "*.json")
        )

    def _ensure(self, owner: MailboxName, *, signing: SigningKeyOf, now: datetime) -> None:
        self._ensure_secret(owner)
        try:
            if any(now + _RENEWED_AHEAD < key.not_after for key in self.private(owner)):
                return
        except ConfigurationError:
            return  # the use of the key reports it; another key would not help
        try:
            key = signing(owner)
        except AxisError:
            return
        self._make(owner, suite=SealingSuite.HYBRID, signing=key, now=now)

    def _ensure_secret(self, owner: MailboxName) -> None:
        path = self._secret(owner)
        with key_errors(path, agency=owner):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                return
        text = to_base64url(secrets.token_bytes(_SECRET_BYTES))
        write_file(path, f"{text}\n".encode(), agency=owner)

    def _make(
        self, owner: MailboxName, *, suite: SealingSuite, signing: SigningKey, now: datetime
    ) -> str:
        private = suite.new_private_bytes()
        begins, ends = now - _BACKDATED, now + _LIFE
        key = state(private, owner=owner, suite=suite, not_before=begins, not_after=ends)
        key_id = key_id_of(owner, suite, from_base64url(key.public_key))
        kept = _Kept(
            owner=owner,
            suite=suite,
            private_key=to_base64url(private),
            not_before=begins,
            not_after=ends,
        )
        path = self.folder_of(owner) / f"{now:%Y-%m-%d}-{key_id[:12]}.json"
        # The private key is written first, so that no key is published that cannot open.
        write_file(path.with_suffix(".key"), kept.to_json(), agency=owner)
        published = publish(key, signing=signing, now=now)
        write_file(path, published.to_json(), mode=0o644, agency=owner)
        sync_keys(path.parent, agency=owner)
        sync_keys(path.parent.parent, agency=owner)
        return key_id

    def _files(self, owner: MailboxName, pattern: str) -> list[Path]:
        return sorted(self.folder_of(owner).glob(pattern))

    def _secret(self, owner: MailboxName) -> Path:
        return self.folder_of(owner) / "ids.secret"

    def folder_of(self, owner: MailboxName) -> Path:
        """The folder with the sealing keys of a mailbox."""
        return KeyFolder(self.root).folder_of(owner) / SEALING


def _published(path: Path, owner: MailboxName) -> SignedSealingKey | None:
    """The published key in a file; None if the file contains no such key."""
    with key_errors(path, agency=owner):
        text = read_regular(path, most=_MOST_STATEMENT_BYTES)
    try:
        return SignedSealingKey.model_validate_json(text)
    except ValidationError:
        return None


def _private(path: Path, owner: MailboxName) -> PrivateSealingKey:
    text = read_secret_file(path, agency=owner)
    try:
        kept = _Kept.model_validate_json(text)
        if kept.owner != owner:
            raise ValueError("it is the key of another mailbox")
        return opening_key(
            from_base64url(kept.private_key),
            owner=owner,
            suite=kept.suite,
            not_before=kept.not_before,
            not_after=kept.not_after,
        )
    except ValueError:
        # `from None`: the error message might quote the private key.
        raise unusable(path, owner, term("no_private_sealing_key")) from None


def _row(path: Path, owner: MailboxName, ring: KeyRing, *, now: datetime) -> SealingRow:
    published = _published(path, owner)
    key, key_id, problem = None, None, None
    try:
        if published is None:
            cause = term("no_published_key")
            raise AxisError.of("E_SEAL_KEY_FORGED", mailbox=owner, cause=cause)
        with suppress(ValidationError):
            key = SealingKey.model_validate_json(published.statement)
        proven = prove(published, owner=owner, keys=ring, now=now)
        key_id = proven.key_id
        if not proven.is_valid_at(now):
            raise AxisError.of("E_SEAL_RECIPIENT", mailbox=owner)
    except AxisError as error:
        problem = error.problem
    return SealingRow(
        owner=owner,
        file=path.name,
        key=key,
        key_id=key_id,
        has_private_key=path.with_suffix(".key").exists(),
        problem=problem,
    )
