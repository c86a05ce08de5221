"""The exchanges, queues, routing keys, policies and accounts that the axis needs on the broker.

`plan` compares this topology with the one on the broker, and `bus.rabbit.provisioning` makes it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName, is_agency_code, shown
from schemas.problem import ConfigurationError

DOCUMENTS = "documents"
REDELIVERY = "redelivery"
FAILURES = "failures"
"""Exchange and queue of the same name."""
LEDGER = "ledger"

HANDLER_ACCOUNT = "dead-letter-handler"
"""The only account that may publish to `redelivery`, and from which mailboxes accept messages
there."""

PROBE = "probe"
"""The `type` of messages that test a new queue; a driver never passes them to a handler."""

MAX_QUEUE_BYTES = 4 * 1024**3

# RabbitMQ 4 drops a message after 20 deliveries unless a policy says otherwise; RabbitMQ 3.10 does
# not know -1 (no limit).
_UNLIMITED_DELIVERIES = 1_000_000_000

# The beginnings of the names of queues, policies and accounts that are made here.
MAILBOX_QUEUES = "mailbox."
POLICIES = "lienthong."
AGENCY_ACCOUNTS = "agency."


def word(mailbox: MailboxName) -> str:
    """The code of a mailbox as one word of a routing key: dots become `-`."""
    return mailbox.replace(".", "-")


def queue_of(mailbox: MailboxName, lane: Lane) -> str:
    """The queue of one lane of a mailbox."""
    return f"{MAILBOX_QUEUES}{word(mailbox)}.{lane}"


def queues_of(mailbox: MailboxName) -> tuple[str, ...]:
    """Both queues of a mailbox, the express lane first."""
    return tuple(queue_of(mailbox, lane) for lane in Lane)


def routing_key(sender: MailboxName, recipient: MailboxName, lane: Lane, kind: EnvelopeKind) -> str:
    """The routing key for `documents` and `redelivery`."""
    return f"{word(sender)}.{word(recipient)}.{lane}.{kind}"


def rerouted(key: str, recipient: MailboxName) -> str:
    """The same key for another mailbox."""
    sender, _, *rest = key.split(".")
    return ".".join((sender, word(recipient), *rest))


def queue_words(queue: str) -> str:
    """The part `<recipient>.<lane>` that all routing keys of a mailbox's queue contain."""
    return queue.removeprefix(MAILBOX_QUEUES)


def failure_key(recipient: MailboxName, failure_class: str) -> str:
    """The routing key for `failures`; the class is one word."""
    return f"{word(recipient)}.{failure_class}"


def mailboxes_by_word(mailboxes: Iterable[MailboxName]) -> dict[str, MailboxName]:
    """The mailbox for each word of routing keys and queue names."""
    return {word(mailbox): mailbox for mailbox in mailboxes}


def account_of(mailbox: MailboxName) -> str:
    """The account of a mailbox, which is also the `user_id` of its messages."""
    return f"{AGENCY_ACCOUNTS}{word(mailbox)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str = "topic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """A durable queue. Its type never changes; everything that may change is in a policy."""

    name: str
    kind: str = "quorum"


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """Routes messages of an exchange to a queue, if their keys match the pattern."""

    exchange: str
    queue: str
    pattern: str

    def matches(self, key: str) -> bool:
        """Match a key: `*` is one word, `#` any number of words (AMQP 0-9-1, 3.1.3.3)."""
        return _matches(self.pattern.split("."), key.split("."))


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Settings for every queue whose name matches. Only one policy applies to a queue."""

    name: str
    pattern: str
    definition: Mapping[str, str | int] = field(hash=False)
    priority: int = 0

    def matches(self, queue: str) -> bool:
        """Whether the pattern matches somewhere in a queue's name, as on the broker."""
        return re.search(self.pattern, queue) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Permissions:
    """What an account may do, as regular expressions (RabbitMQ manual, Access Control).

    Attributes:
        topics: Exchange → the routing keys with which it may publish.
    """

    configure: str
    write: str
    read: str
    topics: Mapping[str, str] = field(hash=False)
    max_connections: int = 10
    max_channels: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An account of the broker.

    Attributes:
        tags: Its further rights (RabbitMQ manual, Access Control).
        current: Whether its password is the stored one; only set for accounts on the broker.
    """

    name: str
    permissions: Permissions
    tags: frozenset[str] = frozenset()
    current: bool = True

    def is_as(self, wanted: "Account") -> bool:
        """Whether it has the wanted rights. Further limits on topics do not count."""
        mine, theirs = self.permissions, wanted.permissions
        narrowed = {exchange: mine.topics.get(exchange) for exchange in theirs.topics}
        return replace(self, permissions=replace(mine, topics=narrowed)) == wanted  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """All objects of a virtual host, as wanted or as found on the broker."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()
    policies: tuple[Policy, ...] = ()
    accounts: tuple[Account, ...] = ()

    def policy_of(self, queue: str) -> Policy | None:
        """The matching policy with the highest priority (RabbitMQ manual, Policies)."""
        matching = [policy for policy in self.policies if policy.matches(queue)]
        return max(matching, key=lambda policy: policy.priority, default=None)

    def route(self, exchange: str, key: str) -> tuple[str, ...]:
        """The queues that get a message with this key, each once; empty: it is unroutable."""
        found = (b.queue for b in self.bindings if b.exchange == exchange and b.matches(key))
        return tuple(dict.fromkeys(found))


def desired(
    mailboxes: Iterable[MailboxName],
    *,
    ledger: bool,
    max_queue_bytes: int = MAX_QUEUE_BYTES,
) -> Topology:
    """The topology for these mailboxes, without accounts.

    Args:
        ledger: Whether the queue `ledger` gets a copy of every message. Somebody must consume it.

    Raises:
        ConfigurationError: E_DIRECTORY_CODE: a code cannot be a word of a routing key.
            E_DIRECTORY_MAILBOX: two codes give the same word.
    """
    boxes = _distinct(mailboxes)
    lanes = [(box, lane) for box in boxes for lane in Lane]
    bindings = [
        Binding(exchange=exchange, queue=queue_of(box, lane), pattern=f"*.{word(box)}.{lane}.#")
        for box, lane in lanes
        for exchange in (DOCUMENTS, REDELIVERY)
    ]
    bindings.append(Binding(exchange=FAILURES, queue=FAILURES, pattern="#"))
    if ledger:
        # One for each mailbox, not `#`: the key of an unknown recipient must stay unroutable.
        bindings += [
            Binding(exchange=DOCUMENTS, queue=LEDGER, pattern=f"*.{word(box)}.#") for box in boxes
        ]
    names = [queue_of(box, lane) for box, lane in lanes]
    names += [FAILURES, LEDGER] if ledger else [FAILURES]
    return Topology(
        exchanges=tuple(Exchange(name=name) for name in (DOCUMENTS, REDELIVERY, FAILURES)),
        queues=tuple(Queue(name=name) for name in names),
        bindings=tuple(bindings),
        policies=_policies(ledger=ledger, max_queue_bytes=max_queue_bytes),
    )


def permissions_of(mailbox: MailboxName) -> Permissions:
    """A mailbox's account only reads its own queues and publishes with its own routing keys."""
    own = re.escape(word(mailbox))
    return Permissions(
        configure="^$",
        write=f"^({DOCUMENTS}|{FAILURES})$",
        read=f"^{re.escape(MAILBOX_QUEUES)}{own}\\.({'|'.join(Lane)})$",
        topics={DOCUMENTS: f"^{own}\\.", FAILURES: f"^{own}\\."},
    )


def shared(mailboxes: Iterable[MailboxName]) -> Iterator[tuple[MailboxName, MailboxName]]:
    """Mailboxes that would get the queues and accounts of an earlier one; both are named.

    Case does not count, because some file systems do not distinguish it in names of folders.
    """
    owner: dict[str, MailboxName] = {}
    for box in mailboxes:
        first = owner.setdefault(word(box).casefold(), box)
        if first != box:
            yield box, first


def _distinct(mailboxes: Iterable[MailboxName]) -> tuple[MailboxName, ...]:
    boxes = tuple(dict.fromkeys(mailboxes))
    for box in boxes:
        if not is_agency_code(box):
            raise ConfigurationError.of("E_DIRECTORY_CODE", code=shown(box))
    for box, other in shared(boxes):
        raise ConfigurationError.of("E_DIRECTORY_MAILBOX", code=box, other=other)
    return boxes


def _policies(*, ledger: bool, max_queue_bytes: int) -> tuple[Policy, ...]:
    """One policy for each kind of queue, because only one policy applies to a queue.

    The broker dead-letters nothing (decision record 0042): consumers count deliveries.
    """
    unlimited: dict[str, str | int] = {"delivery-limit": _UNLIMITED_DELIVERIES}
    bounded = unlimited | {"max-length-bytes": max_queue_bytes, "overflow": "reject-publish"}
    classes = {
        "mailboxes": (f"^{re.escape(MAILBOX_QUEUES)}", bounded),
        "failures": (f"^{FAILURES}$", bounded),
        # No `reject-publish`: if one of several queues rejects a message, the publisher gets a
        # nack (RabbitMQ manual, Queue Length Limit), so a full ledger would stop the axis. Its
        # growth raises an alarm.
        **({"ledger": (f"^{LEDGER}$", unlimited)} if ledger else {}),
    }
    return tuple(
        Policy(name=f"{POLICIES}{name}", pattern=pattern, definition=definition)
        for name, (pattern, definition) in classes.items()
    )


def _matches(pattern: Sequence[str], key: Sequence[str]) -> bool:
    if not pattern:
        return not key
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(_matches(rest, key[i:]) for i in range(len(key) + 1))
    return bool(key) and head in ("*", key[0]) and _matches(rest, key[1:])
