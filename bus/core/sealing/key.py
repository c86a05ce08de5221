"""Key: a mailbox's sealing keys: published under its signature, proven, and chosen.

Whoever carries the published keys, the axis included, can leave one out but cannot put its own in
their place: each is a statement of its owner, signed by the key that signs the owner's documents.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from pydantic import ValidationError
from pydantic_core import to_json

from bus.core.base64url import from_base64url, to_base64url
from bus.core.keyring import KeyRing
from bus.core.sealing.suite import HpkePrivateKey, HpkePublicKey, SealingSuite, suite_named
from bus.core.signing import SigningKey, sign, verify
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.sealing import SealingKey, SignedSealingKey
from schemas.term import Coded, term

GRACE = timedelta(days=7)
"""So long after the publication of a stronger key, senders may not have heard of it."""

_STATEMENT = b"lienthong sealing key 1\n"
"""Stands before the statement when it is signed: no document can be passed off as one, nor back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicSealingKey:
    """A key to seal to, proven to be its owner's.

    Attributes:
        key_id: Names it in envelopes.
    """

    owner: MailboxName
    suite: SealingSuite
    key_id: str
    public_key: HpkePublicKey
    not_before: datetime
    not_after: datetime

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether it may be sealed to at this moment."""
        return self.not_before <= moment <= self.not_after


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivateSealingKey:
    """A key to open with; it opens also what was sealed to it before its end."""

    owner: MailboxName
    suite: SealingSuite
    key_id: str
    private_key: HpkePrivateKey = field(repr=False)
    not_before: datetime
    not_after: datetime


def key_id_of(owner: MailboxName, suite: SealingSuite, public_key: bytes) -> str:
    """The name of a sealing key."""
    return sha256(to_json([owner, suite, to_base64url(public_key)])).hexdigest()


def state(
    private: bytes,
    *,
    owner: MailboxName,
    suite: SealingSuite,
    not_before: datetime,
    not_after: datetime,
) -> SealingKey:
    """What an owner says of a key pair. Raises `ValueError`: the private key is none."""
    return SealingKey(
        owner=owner,
        suite=suite,
        public_key=to_base64url(suite.public_bytes_of(private)),
        not_before=not_before,
        not_after=not_after,
    )


def publish(key: SealingKey, *, signing: SigningKey, now: datetime) -> SignedSealingKey:
    """Sign the statement of a key, for everybody who may seal to it."""
    statement = key.to_json()
    return SignedSealingKey(
        statement=statement.decode(),
        signature=sign(_STATEMENT + statement, key=signing, now=now),
    )


def prove(
    published: SignedSealingKey, *, owner: MailboxName, keys: KeyRing, now: datetime
) -> PublicSealingKey:
    """Prove a published key to be its owner's.

    Raises:
        DocumentError: E_SEAL_KEY_FORGED: signed by somebody else, changed, or filed under another
            mailbox. E_SEAL_SUITE: it is of a suite that is not known here.
    """
    try:
        verified = verify(
            _STATEMENT + published.statement.encode(), published.signature, keys=keys, now=now
        )
    except AxisError as error:
        raise _forged(owner, error.problem) from error
    try:
        key = SealingKey.model_validate_json(published.statement)
    except ValidationError as error:
        raise _forged(owner, term("statement_schema")) from error
    if not verified.owner == key.owner == owner:
        raise _forged(owner, term("key_of_other", owner=key.owner, signer=verified.owner))
    suite = suite_named(key.suite)
    if suite is None:
        raise AxisError.of("E_SEAL_SUITE", suite=key.suite)
    try:
        data = from_base64url(key.public_key)
        public_key = suite.public_key(data)
    except ValueError as error:
        raise _forged(owner, term("public_key_unreadable")) from error
    return PublicSealingKey(
        owner=owner,
        suite=suite,
        key_id=key_id_of(owner, suite, data),
        public_key=public_key,
        not_before=key.not_before,
        not_after=key.not_after,
    )


def opening_key(
    private: bytes,
    *,
    owner: MailboxName,
    suite: SealingSuite,
    not_before: datetime,
    not_after: datetime,
) -> PrivateSealingKey:
    """A private key as it was kept. Raises `ValueError`: it is none of this suite."""
    return PrivateSealingKey(
        owner=owner,
        suite=suite,
        key_id=key_id_of(owner, suite, suite.public_bytes_of(private)),
        private_key=suite.private_key(private),
        not_before=not_before,
        not_after=not_after,
    )


def key_to_seal_to(
    mailbox: MailboxName,
    published: Iterable[SignedSealingKey],
    *,
    keys: KeyRing,
    now: datetime,
) -> PublicSealingKey:
    """The strongest valid key of a mailbox; of several, the newest.

    One that cannot be proven, or is of a suite of the future, stands in nobody's way as long as
    there is another.

    Raises:
        DocumentError: E_SEAL_RECIPIENT: there is none. E_SEAL_KEY_FORGED or E_SEAL_SUITE: there is
            one, and this is why it may not be used.
    """
    valid, doubt = [], None
    for each in published:
        try:
            key = prove(each, owner=mailbox, keys=keys, now=now)
        except AxisError as error:
            doubt = error
            continue
        if key.is_valid_at(now):
            valid.append(key)
    if valid:
        return max(valid, key=lambda key: (key.suite.strength, key.not_before))
    raise doubt or AxisError.of("E_SEAL_RECIPIENT", mailbox=mailbox)


def judge_choice(
    used: PrivateSealingKey, own: Sequence[PrivateSealingKey], *, signed_at: datetime
) -> None:
    """Judge whether a sender used the strength that its recipient had published.

    Raises:
        DocumentError: E_SEAL_DOWNGRADE: a stronger key was there for `GRACE` and longer: somebody
            kept it from the sender.
    """
    for key in own:
        known = key.not_before + GRACE <= signed_at <= key.not_after
        if known and key.suite.strength > used.suite.strength:
            raise AxisError.of("E_SEAL_DOWNGRADE", suite=used.suite, stronger=key.suite)


def _forged(owner: MailboxName, cause: Coded) -> AxisError:
    return AxisError.of("E_SEAL_KEY_FORGED", mailbox=owner, cause=cause)
