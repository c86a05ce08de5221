"""The accounts of the broker and their rights; no account may do everything.

There is one account for each mailbox (`topology.permissions_of`), one for the workers of the hub,
and one for the dead-letter handler (decision record 0024).
"""

from collections.abc import Collection, Iterable
from enum import StrEnum

from bus.core.topology import (
    DOCUMENTS,
    FAILURES,
    HANDLER_ACCOUNT,
    REDELIVERY,
    Account,
    Permissions,
    account_of,
    permissions_of,
)
from schemas.identifiers import MailboxName

WORKER_ACCOUNT = "hub-worker"
"""The workers of `lienthong up`, which publish under the names of many mailboxes."""

_NOTHING = "^$"
# A process has two connections, an agency three channels; there may be 256 processes.
_WORKER_CONNECTIONS = 1_000
_WORKER_CHANNELS = 100_000

_SHUT_OUT = Permissions(
    configure=_NOTHING,
    write=_NOTHING,
    read=_NOTHING,
    topics={},
    max_connections=0,
    max_channels=0,
)


def accounts_for(
    mailboxes: Iterable[MailboxName], *, suspended: Collection[MailboxName] = ()
) -> tuple[Account, ...]:
    """All accounts of an axis. Those of suspended agencies exist, but cannot connect."""
    agencies = (
        Account(
            name=account_of(mailbox),
            permissions=_SHUT_OUT if mailbox in suspended else permissions_of(mailbox),
        )
        for mailbox in mailboxes
    )
    return (_worker(), _handler(), *agencies)


class Kind(StrEnum):
    """The kind of an account. Accounts of one kind differ only in the names of their queues."""

    WORKER = "worker"
    HANDLER = "handler"
    AGENCY = "agency"
    SUSPENDED = "suspended"


def kind_of(account: Account) -> Kind:
    """The kind of an account."""
    if is_shut_out(account):
        return Kind.SUSPENDED
    kinds = {WORKER_ACCOUNT: Kind.WORKER, HANDLER_ACCOUNT: Kind.HANDLER}
    return kinds.get(account.name, Kind.AGENCY)


def is_shut_out(account: Account) -> bool:
    """Whether an account cannot connect."""
    return account.permissions.max_connections == 0


def _worker() -> Account:
    permissions = Permissions(
        configure=_NOTHING,
        write=f"^({DOCUMENTS}|{FAILURES})$",
        read=r"^mailbox\.",
        topics={},
        max_connections=_WORKER_CONNECTIONS,
        max_channels=_WORKER_CHANNELS,
    )
    return Account(name=WORKER_ACCOUNT, permissions=permissions, tags=frozenset({"impersonator"}))


def _handler() -> Account:
    permissions = Permissions(
        configure=_NOTHING, write=f"^{REDELIVERY}$", read=f"^{FAILURES}$", topics={}
    )
    return Account(name=HANDLER_ACCOUNT, permissions=permissions)
