"""The sealing keys of a mailbox: publish, verify and choose them.

The owner signs each published key with the key that signs its documents. So whoever distributes
these keys, including the axis, can withhold a key, but cannot replace it.
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
"""Senders may be unaware of a stronger key for this time after its publication."""

_STATEMENT = b"lienthong sealing key 1\n"
"""The prefix of the signed statement, so that no document can be used as one, nor the reverse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicSealingKey:
    """A verified public key of a mailbox; `key_id` names it in envelopes."""

    owner: MailboxName
    suite: SealingSuite
    key_id: str
    public_key: HpkePublicKey
    not_before: datetime
    not_after: datetime

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether senders may use it at this moment."""
        return self.not_before <= moment <= self.not_after


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivateSealingKey:
    """A private key. After its expiry it still opens what was sealed before."""

    owner: MailboxName
    suite: SealingSuite
    key_id: str
    private_key: HpkePrivateKey = field(repr=False)
    not_before: datetime
    not_after: datetime


def key_id_of(owner: MailboxName, suite: SealingSuite, public_key: bytes) -> str:
    """The id of a sealing key: a digest of owner, suite and public key."""
    return sha256(to_json([owner, suite, to_base64url(public_key)])).hexdigest()


def state(
    private: bytes,
    *,
    owner: MailboxName,
    suite: SealingSuite,
    not_before: datetime,
    not_after: datetime,
) -> SealingKey:
    """The statement about a key pair. Raises `ValueError` for an invalid private key."""
    return SealingKey(
        owner=owner,
        suite=suite,
        public_key=to_base64url(suite.public_bytes_of(private)),
        not_before=not_before,
        not_after=not_after,
    )


def publish(key: SealingKey, *, signing: SigningKey, now: datetime) -> SignedSealingKey:
    """Sign the statement of a key for publication."""
    statement = key.to_json()
    return SignedSealingKey(
        statement=statement.decode(),
        signature=sign(_STATEMENT + statement, key=signing, now=now),
    )


def prove(
    published: SignedSealingKey, *, owner: MailboxName, keys: KeyRing, now: datetime
) -> PublicSealingKey:
    """Verify that a published key belongs to its owner.

    Raises:
        DocumentError: E_SEAL_KEY_FORGED: somebody else signed it, it was changed, or it is stored
            under another mailbox. E_SEAL_SUITE: its suite is unknown.
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
    """Load a stored private key. Raises `ValueError` if it is not a key of this suite."""
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
    """The strongest valid key of a mailbox; the newest of equally strong ones.

    A key that cannot be verified, or whose suite is unknown, is ignored if there is a valid one.

    Raises:
        DocumentError: E_SEAL_RECIPIENT: there is no key. E_SEAL_KEY_FORGED or E_SEAL_SUITE: there
            are only keys that must not be used, for this reason.
    """
    valid, refusal = [], None
    for each in published:
        try:
            key = prove(each, owner=mailbox, keys=keys, now=now)
        except AxisError as error:
            refusal = error
            continue
        if key.is_valid_at(now):
            valid.append(key)
    if valid:
        return max(valid, key=lambda key: (key.suite.strength, key.not_before))
    raise refusal or AxisError.of("E_SEAL_RECIPIENT", mailbox=mailbox)


def judge_choice(
    used: PrivateSealingKey, own: Sequence[PrivateSealingKey], *, signed_at: datetime
) -> None:
    """Check that a sender used the strongest key that its recipient had published.

    Raises:
        DocumentError: E_SEAL_DOWNGRADE: a stronger key had been published for longer than `GRACE`,
            so somebody withheld it from the sender.
    """
    for key in own:
        known = key.not_before + GRACE <= signed_at <= key.not_after
        if known and key.suite.strength > used.suite.strength:
            raise AxisError.of("E_SEAL_DOWNGRADE", suite=used.suite, stronger=key.suite)


def _forged(owner: MailboxName, cause: Coded) -> AxisError:
    return AxisError.of("E_SEAL_KEY_FORGED", mailbox=owner, cause=cause)
