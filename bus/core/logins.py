"""Logins: who may log in to the broker, and what each may do there; nobody may do everything.

One account for each mailbox, one for the workers of the hub, one for the dead-letter handler
(decision record 0024). The rights of a mailbox's own account: `topology.permissions_of`.
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
"""The workers of `lienthong up`: they serve many agencies, and name each as the publisher."""

_NOTHING = "^$"
_WORKER_CONNECTIONS = 1_000
_WORKER_CHANNELS = 100_000
# A process has two connections, an agency three channels; there may be 256 processes.

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
    """All accounts of an axis. Those of suspended agencies exist, and cannot even connect."""
    agencies = (
        Account(
            name=account_of(mailbox),
            permissions=_SHUT_OUT if mailbox in suspended else permissions_of(mailbox),
        )
        for mailbox in mailboxes
    )
    return (_worker(), _handler(), *agencies)


class Kind(StrEnum):
    """Accounts of one kind have the same rights, each in its own place."""

    WORKER = "worker"
    HANDLER = "handler"
    AGENCY = "agency"
    SUSPENDED = "suspended"


def kind_of(account: Account) -> Kind:
    """Of which kind an account is."""
    if is_shut_out(account):
        return Kind.SUSPENDED
    kinds = {WORKER_ACCOUNT: Kind.WORKER, HANDLER_ACCOUNT: Kind.HANDLER}
    return kinds.get(account.name, Kind.AGENCY)


def is_shut_out(account: Account) -> bool:
    """Whether an account may not even connect."""
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
