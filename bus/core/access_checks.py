"""What each broker account must be able to do, and what it must not; each of them is tried out.

A check changes nothing, even if the broker allows what it should refuse: messages are published to
a key without a queue, only queues of the check itself are deleted, and messages that are read go
back to their queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bus.core.logins import WORKER_ACCOUNT, Kind, kind_of
from bus.core.topology import (
    DOCUMENTS,
    FAILURES,
    HANDLER_ACCOUNT,
    LEDGER,
    REDELIVERY,
    Account,
    account_of,
    failure_key,
    queue_of,
    queues_of,
    routing_key,
)
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName
from schemas.language import Language, texts

COPY_HEADERS = ("CC", "BCC")
"""Headers that ask for copies (RabbitMQ manual, Sender-selected Distribution)."""

NOWHERE = MailboxName("trial")
"""A mailbox that does not exist."""


class Operation(StrEnum):
    """What a check tries to do."""

    CONNECT = "connect"
    READ = "read"
    PUBLISH = "publish"
    COPY = "copy"
    DECLARE_QUEUE = "declare_queue"
    DECLARE_EXCHANGE = "declare_exchange"
    BIND = "bind"
    UNBIND = "unbind"
    PURGE = "purge"
    DELETE = "delete"
    MANAGE = "manage"


_WORDS = texts(
    """
    connect | log in | đăng nhập
    read | read the queue {queue} | đọc hàng đợi {queue}
    publish | publish to {exchange} with the key {key} as {user}
        | gửi vào {exchange} với khóa {key} dưới tên {user}
    copy | have a copy put under the key {copy} by the header {header}
        | đặt bản sao dưới khóa {copy} bằng thuộc tính {header}
    declare_queue | declare a queue | tạo hàng đợi
    declare_exchange | declare an exchange | tạo exchange
    bind | bind the queue {queue} | liên kết hàng đợi {queue}
    unbind | unbind the queue {queue} | gỡ liên kết hàng đợi {queue}
    purge | purge a queue | làm rỗng hàng đợi
    delete | delete a queue | xóa hàng đợi
    manage | use the management interface | dùng giao diện quản trị
    """
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessCheck:
    """One attempt to do something with an account.

    Attributes:
        allowed: Whether the broker must allow it; otherwise it must refuse it.
        queue: Empty: a queue that is made for the check.
        user: The account that the message names as its publisher.
        header: The header that asks for a copy with the routing key `copy`.
    """

    operation: Operation
    allowed: bool = False
    queue: str = ""
    exchange: str = ""
    key: str = ""
    user: str = ""
    header: str = ""
    copy: str = ""

    @property
    def up_to_broker(self) -> bool:
        """Whether only the version of RabbitMQ decides it, because there is no permission for it.

        Recipients refuse such copies.
        """
        return self.operation is Operation.COPY

    def words(self, language: Language = Language.ENGLISH) -> str:
        """What is tried, in words."""
        return language.choose(*_WORDS[self.operation]).format(
            queue=self.queue or NOWHERE,
            exchange=self.exchange or "amq.default",
            key=self.key,
            user=self.user,
            header=self.header,
            copy=self.copy,
        )


def access_checks_of(
    account: Account, mailboxes: Sequence[MailboxName], *, ledger: bool
) -> tuple[AccessCheck, ...]:
    """All checks of an account; `ledger`: whether the queue `ledger` is declared."""
    match kind_of(account):
        case Kind.SUSPENDED:
            return (AccessCheck(operation=Operation.CONNECT),)
        case Kind.WORKER:
            return (*_worker(mailboxes, ledger=ledger), *_NOBODY)
        case Kind.HANDLER:
            return (*_handler(mailboxes, ledger=ledger), *_NOBODY)
        case Kind.AGENCY:
            (own,) = (mailbox for mailbox in mailboxes if account_of(mailbox) == account.name)
            return (*_agency(own, mailboxes, ledger=ledger), *_NOBODY)
        case _ as never:
            assert_never(never)


_NOBODY = (
    AccessCheck(operation=Operation.READ),
    AccessCheck(operation=Operation.DECLARE_QUEUE),
    AccessCheck(operation=Operation.DECLARE_EXCHANGE),
    AccessCheck(operation=Operation.BIND, exchange=DOCUMENTS),
    AccessCheck(operation=Operation.PURGE),
    AccessCheck(operation=Operation.DELETE),
    AccessCheck(operation=Operation.MANAGE),
)
"""What no account may."""


def _agency(
    own: MailboxName, mailboxes: Sequence[MailboxName], *, ledger: bool
) -> list[AccessCheck]:
    me = account_of(own)
    checks = [
        AccessCheck(operation=Operation.READ, queue=queue, allowed=True) for queue in queues_of(own)
    ]
    checks += [
        _sent(DOCUMENTS, _to_nowhere(own), me, allowed=True),
        _sent("", NOWHERE, me),
        _sent(REDELIVERY, _to_nowhere(own), me),
        AccessCheck(
            operation=Operation.BIND, queue=queue_of(own, Lane.EXPRESS), exchange=DOCUMENTS
        ),
        AccessCheck(
            operation=Operation.UNBIND, queue=queue_of(own, Lane.EXPRESS), exchange=DOCUMENTS
        ),
    ]
    checks += _unread(FAILURES, *([LEDGER] if ledger else []))
    other = next((mailbox for mailbox in mailboxes if mailbox != own), None)
    if other is not None:
        checks += _unread(*queues_of(other))
        checks += [
            _sent(DOCUMENTS, _to_nowhere(other), me),
            _sent(DOCUMENTS, _to_nowhere(own), account_of(other)),
            _sent(FAILURES, failure_key(other, NOWHERE), me),
        ]
        checks += [
            AccessCheck(
                operation=Operation.COPY,
                exchange=DOCUMENTS,
                key=_to_nowhere(own),
                user=me,
                header=header,
                copy=_to_nowhere(other),
            )
            for header in COPY_HEADERS
        ]
    return checks


def _worker(mailboxes: Sequence[MailboxName], *, ledger: bool) -> list[AccessCheck]:
    checks = [_sent("", NOWHERE, WORKER_ACCOUNT)]
    checks += _unread(FAILURES, *([LEDGER] if ledger else []))
    for mailbox in mailboxes[:1]:
        checks += [
            AccessCheck(
                operation=Operation.READ, queue=queue_of(mailbox, Lane.EXPRESS), allowed=True
            ),
            _sent(DOCUMENTS, _to_nowhere(mailbox), account_of(mailbox), allowed=True),
            _sent(REDELIVERY, _to_nowhere(mailbox), WORKER_ACCOUNT),
        ]
    return checks


def _handler(mailboxes: Sequence[MailboxName], *, ledger: bool) -> list[AccessCheck]:
    checks = [
        AccessCheck(operation=Operation.READ, queue=FAILURES, allowed=True),
        _sent("", NOWHERE, HANDLER_ACCOUNT),
    ]
    checks += _unread(*([LEDGER] if ledger else []))
    for mailbox in mailboxes[:1]:
        checks += _unread(*queues_of(mailbox))
        checks += [
            _sent(REDELIVERY, _to_nowhere(mailbox), HANDLER_ACCOUNT, allowed=True),
            _sent(REDELIVERY, _to_nowhere(mailbox), account_of(mailbox)),
            _sent(DOCUMENTS, _to_nowhere(mailbox), HANDLER_ACCOUNT),
        ]
    return checks


def _unread(*queues: str) -> list[AccessCheck]:
    return [AccessCheck(operation=Operation.READ, queue=queue) for queue in queues]


def _sent(exchange: str, key: str, user: str, *, allowed: bool = False) -> AccessCheck:
    return AccessCheck(
        operation=Operation.PUBLISH, exchange=exchange, key=key, user=user, allowed=allowed
    )


def _to_nowhere(sender: MailboxName) -> str:
    return routing_key(sender, NOWHERE, Lane.EXPRESS, EnvelopeKind.DOCUMENT)
