"""AccessChecks: what an account must and must not be able to do; to be tried, not believed.

Nothing that is tried leaves a trace, not even where it is allowed and should not be: what is sent
goes nowhere, what is deleted is a queue made for the trial, what is read goes back.
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
from schemas.problem import Language

COPY_HEADERS = ("CC", "BCC")
"""By which a publisher asks for copies (RabbitMQ manual, Sender-selected Distribution)."""

NOWHERE = MailboxName("trial")
"""Nobody's mailbox."""


class Deed(StrEnum):
    """What can be tried."""

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


_WORDS = {
    Deed.CONNECT: ("log in", "đăng nhập"),
    Deed.READ: ("read the queue {queue}", "đọc hàng đợi {queue}"),
    Deed.PUBLISH: (
        "publish to {exchange} with the key {key} as {user}",
        "gửi vào {exchange} với khóa {key} dưới tên {user}",
    ),
    Deed.COPY: (
        "have a copy put under the key {copy} by the header {header}",
        "đặt bản sao dưới khóa {copy} bằng thuộc tính {header}",
    ),
    Deed.DECLARE_QUEUE: ("declare a queue", "tạo hàng đợi"),
    Deed.DECLARE_EXCHANGE: ("declare an exchange", "tạo exchange"),
    Deed.BIND: ("bind the queue {queue}", "liên kết hàng đợi {queue}"),
    Deed.UNBIND: ("unbind the queue {queue}", "gỡ liên kết hàng đợi {queue}"),
    Deed.PURGE: ("purge a queue", "làm rỗng hàng đợi"),
    Deed.DELETE: ("delete a queue", "xóa hàng đợi"),
    Deed.MANAGE: ("use the management interface", "dùng giao diện quản trị"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One thing to try.

    Attributes:
        allowed: Whether it must work; else it must be refused.
        queue: Empty: one made for the trial.
        user: The account named as the publisher.
        header: Asks the broker for a copy, under the key `copy`.
    """

    deed: Deed
    allowed: bool = False
    queue: str = ""
    exchange: str = ""
    key: str = ""
    user: str = ""
    header: str = ""
    copy: str = ""

    @property
    def up_to_broker(self) -> bool:
        """Whether its version decides, and no right that we can set.

        Recipients refuse what it lets pass.
        """
        return self.deed is Deed.COPY

    def words(self, language: Language = Language.ENGLISH) -> str:
        """What is tried, for people."""
        english, vietnamese = _WORDS[self.deed]
        template = english if language is Language.ENGLISH else vietnamese
        return template.format(
            queue=self.queue or NOWHERE,
            exchange=self.exchange or "amq.default",
            key=self.key,
            user=self.user,
            header=self.header,
            copy=self.copy,
        )


def trials_of(
    account: Account, mailboxes: Sequence[MailboxName], *, ledger: bool
) -> tuple[Trial, ...]:
    """All that is to be tried as an account.

    Args:
        mailboxes: All of the directory's.
        ledger: Whether its queue is declared.
    """
    match kind_of(account):
        case Kind.SUSPENDED:
            return (Trial(deed=Deed.CONNECT),)
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
    Trial(deed=Deed.READ),
    Trial(deed=Deed.DECLARE_QUEUE),
    Trial(deed=Deed.DECLARE_EXCHANGE),
    Trial(deed=Deed.BIND, exchange=DOCUMENTS),
    Trial(deed=Deed.PURGE),
    Trial(deed=Deed.DELETE),
    Trial(deed=Deed.MANAGE),
)
"""What no account may."""


def _agency(own: MailboxName, mailboxes: Sequence[MailboxName], *, ledger: bool) -> list[Trial]:
    me = account_of(own)
    trials = [Trial(deed=Deed.READ, queue=queue, allowed=True) for queue in queues_of(own)]
    trials += [
        _sent(DOCUMENTS, _to_nowhere(own), me, allowed=True),
        _sent("", NOWHERE, me),
        _sent(REDELIVERY, _to_nowhere(own), me),
        Trial(deed=Deed.BIND, queue=queue_of(own, Lane.EXPRESS), exchange=DOCUMENTS),
        Trial(deed=Deed.UNBIND, queue=queue_of(own, Lane.EXPRESS), exchange=DOCUMENTS),
    ]
    trials += _unread(FAILURES, *([LEDGER] if ledger else []))
    other = next((mailbox for mailbox in mailboxes if mailbox != own), None)
    if other is not None:
        trials += _unread(*queues_of(other))
        trials += [
            _sent(DOCUMENTS, _to_nowhere(other), me),
            _sent(DOCUMENTS, _to_nowhere(own), account_of(other)),
            _sent(FAILURES, failure_key(other, NOWHERE), me),
        ]
        trials += [
            Trial(
                deed=Deed.COPY,
                exchange=DOCUMENTS,
                key=_to_nowhere(own),
                user=me,
                header=header,
                copy=_to_nowhere(other),
            )
            for header in COPY_HEADERS
        ]
    return trials


def _worker(mailboxes: Sequence[MailboxName], *, ledger: bool) -> list[Trial]:
    trials = [_sent("", NOWHERE, WORKER_ACCOUNT)]
    trials += _unread(FAILURES, *([LEDGER] if ledger else []))
    for mailbox in mailboxes[:1]:
        trials += [
            Trial(deed=Deed.READ, queue=queue_of(mailbox, Lane.EXPRESS), allowed=True),
            _sent(DOCUMENTS, _to_nowhere(mailbox), account_of(mailbox), allowed=True),
            _sent(REDELIVERY, _to_nowhere(mailbox), WORKER_ACCOUNT),
        ]
    return trials


def _handler(mailboxes: Sequence[MailboxName], *, ledger: bool) -> list[Trial]:
    trials = [
        Trial(deed=Deed.READ, queue=FAILURES, allowed=True),
        _sent("", NOWHERE, HANDLER_ACCOUNT),
    ]
    trials += _unread(*([LEDGER] if ledger else []))
    for mailbox in mailboxes[:1]:
        trials += _unread(*queues_of(mailbox))
        trials += [
            _sent(REDELIVERY, _to_nowhere(mailbox), HANDLER_ACCOUNT, allowed=True),
            _sent(REDELIVERY, _to_nowhere(mailbox), account_of(mailbox)),
            _sent(DOCUMENTS, _to_nowhere(mailbox), HANDLER_ACCOUNT),
        ]
    return trials


def _unread(*queues: str) -> list[Trial]:
    return [Trial(deed=Deed.READ, queue=queue) for queue in queues]


def _sent(exchange: str, key: str, user: str, *, allowed: bool = False) -> Trial:
    return Trial(deed=Deed.PUBLISH, exchange=exchange, key=key, user=user, allowed=allowed)


def _to_nowhere(sender: MailboxName) -> str:
    return routing_key(sender, NOWHERE, Lane.EXPRESS, EnvelopeKind.DOCUMENT)
